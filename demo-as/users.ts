import type { ProtectedResource } from './resources.ts'
import type { SignedInUser } from './upstream/upstream.ts'

/** What the people to play with may do follows from what there is to do. */
export type Playground = readonly Pick<ProtectedResource, 'scopes' | 'defaultScopes'>[]

/**
 * People to play with. They differ in what they may do: Ada everything, Ben all but the last scope of a server that has several
 * beyond those for the beginning (servers list what is powerful last), Cleo what clients ask for first.
 */
export function demoUsers(resources: Playground): readonly SignedInUser[] {
  return [
    { subject: 'ada', username: 'ada', name: 'Ada', scopes: scopesOf(resources, all => all) },
    { subject: 'ben', username: 'ben', name: 'Ben', scopes: guestScopes(resources) },
    { subject: 'cleo', username: 'cleo', name: 'Cleo', scopes: scopesOf(resources, (_all, initial) => initial) },
  ]
}

/** What somebody may do who types a name of their own: as much as Ben. */
export function guestScopes(resources: Playground): readonly string[] {
  return scopesOf(resources, (all, initial) => (all.length - initial.length > 1 ? all.slice(0, -1) : all))
}

function scopesOf(
  resources: Playground,
  choose: (all: readonly string[], initial: readonly string[]) => readonly string[],
): readonly string[] {
  return [...new Set(resources.flatMap(({ scopes, defaultScopes }) => choose(Object.keys(scopes), defaultScopes)))]
}

/**
 * @param scopes - What somebody invented may do.
 * @returns The user of that name, invented when there is none; `undefined` for what is no name.
 */
export function userNamed(
  typed: string,
  users: readonly SignedInUser[],
  scopes: readonly string[],
): SignedInUser | undefined {
  const name = typed.trim().replace(/\s+/g, ' ')
  const username = name.toLowerCase()
  const known = users.find(user => user.username === username)
  if (known) return known
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u.test(name)) return undefined
  // The prefix keeps invented users apart from the ids of the named ones.
  return { subject: `guest:${username}`, username, name, scopes }
}
