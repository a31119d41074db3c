import type { ValidatedToken } from './token-validator.ts'

/** The key of an identity, see {@link ValidatedToken}. */
export type Identity = Pick<ValidatedToken, 'issuer' | 'subject'>

/** Says that two identities are the same person. What belongs to `former` belongs to `current` too. */
export interface IdentityLink {
  /** Before the move to another provider. */
  readonly former: Identity
  /** After it. */
  readonly current: Identity
}

/**
 * Finds under which identity the things of a person are kept.
 *
 * @returns The oldest identity that is linked with this one; itself when there is none.
 */
export type IdentityResolver = (identity: Identity) => Identity

/** Links that do not contradict each other. */
export interface LinkSet {
  /**
   * Adds a link. One that is there already changes nothing.
   *
   * @returns Why it cannot be added: two persons would share what is one's.
   */
  add(link: IdentityLink): string | undefined
  readonly resolve: IdentityResolver
}

/**
 * Links may follow each other (demo to Auth0, later Auth0 to Okta). They come from the operator alone: nothing that a token
 * says makes one.
 */
export function createLinkSet(): LinkSet {
  const formerOf = new Map<string, Identity>()
  /** By former identity and issuer of the current one: nobody has two identities at one provider. */
  const currentOf = new Map<string, Identity>()

  function resolve(identity: Identity): Identity {
    let oldest = identity
    for (let next = formerOf.get(keyOf(oldest)); next; next = formerOf.get(keyOf(oldest))) oldest = next
    return oldest
  }

  return {
    resolve,
    add({ former, current }) {
      const known = formerOf.get(keyOf(current))
      if (known && keyOf(known) !== keyOf(former)) {
        return `${spell(current)} is linked with both ${spell(known)} and ${spell(former)}`
      }
      const place = JSON.stringify([former.issuer, former.subject, current.issuer])
      const other = currentOf.get(place)
      if (other && other.subject !== current.subject) {
        return `${spell(former)} is linked with both ${spell(other)} and ${spell(current)}`
      }
      if (!known && keyOf(resolve(former)) === keyOf(resolve(current))) {
        return `the links of ${spell(former)} go round in a circle`
      }
      formerOf.set(keyOf(current), former)
      currentOf.set(place, current)
    },
  }
}

/** @throws {TypeError} The links contradict each other. */
export function createIdentityResolver(links: Iterable<IdentityLink>): IdentityResolver {
  const set = createLinkSet()
  for (const link of links) {
    const contradiction = set.add(link)
    if (contradiction !== undefined) throw new TypeError(contradiction)
  }
  return set.resolve
}

/** JSON, so that no issuer and subject can be put together to read like another pair. */
function keyOf({ issuer, subject }: Identity): string {
  return JSON.stringify([issuer, subject])
}

function spell({ issuer, subject }: Identity): string {
  return `${subject} of ${issuer}`
}
