import type { SignedInUser } from './upstream/upstream.ts'

/** People to play with. They differ in what they may do. */
export const demoUsers: readonly SignedInUser[] = [
  { subject: 'ada', username: 'ada', name: 'Ada', scopes: ['notes:read', 'notes:write', 'notes:admin'] },
  { subject: 'ben', username: 'ben', name: 'Ben', scopes: ['notes:read', 'notes:write'] },
  { subject: 'cleo', username: 'cleo', name: 'Cleo', scopes: ['notes:read'] },
]

/** What somebody may do who types a name of their own. */
const guestScopes = ['notes:read', 'notes:write']

/** @returns The user of that name, invented when there is none; `undefined` for what is no name. */
export function userNamed(typed: string, users: readonly SignedInUser[]): SignedInUser | undefined {
  const name = typed.trim().replace(/\s+/g, ' ')
  const username = name.toLowerCase()
  const known = users.find(user => user.username === username)
  if (known) return known
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u.test(name)) return undefined
  // The prefix keeps invented users apart from the ids of the named ones.
  return { subject: `guest:${username}`, username, name, scopes: guestScopes }
}
