import type { Claims } from './openid-connect.ts'

/** What a provider has said about somebody. */
export interface Told {
  claims: Claims
  /** Names of the claims that its userinfo endpoint gave. Absent in sessions of before. */
  userInfo?: readonly string[]
  /** When it last said all of it, in seconds since the Unix epoch. */
  signedInAt: number
}

/** Who somebody is, which ID tokens alone decide. */
const IDENTITY = ['iss', 'sub', 'aud', 'tid', 'oid']

/** An address is verified by the document that names it, and by no other. */
const ADDRESS = ['email', 'email_verified']

/** Claims of two documents about one person. Those that hold only together come from one of the two. */
export function joined(first: Claims, second: Claims): Claims {
  const namesAddress = ADDRESS.some(name => name in first)
  return { ...without(second, namesAddress ? ADDRESS : []), ...first }
}

const without = (claims: Claims, names: readonly string[]): Claims =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))

/**
 * What is known about somebody after an answer of the userinfo endpoint to a refresh that came without an ID token.
 *
 * A claim that this endpoint gave before and gives no more is gone. One that only ID tokens ever gave is kept, and what rests on it
 * ages: the answer does not say whether it still holds.
 *
 * @param namesIn - Under which names the rules mean somebody with these claims. What no rule goes by need not be said again.
 */
export function retold(
  before: Told,
  answer: Claims,
  now: number,
  namesIn: (claims: Claims) => readonly string[],
): Told {
  const others = Object.keys(before.claims).filter(name => !IDENTITY.includes(name))
  const fresh = { ...answer, ...without(before.claims, others) }
  const claims = joined(fresh, without(before.claims, before.userInfo ?? []))
  const said = namesIn(fresh)
  const isAllSaid = namesIn(claims).every(name => said.includes(name))
  return { claims, userInfo: Object.keys(answer), signedInAt: isAllSaid ? now : before.signedInAt }
}
