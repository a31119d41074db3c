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
  const only = (keep: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(before.claims).filter(([name]) => keep(name)))
  const fresh = { ...answer, ...only(name => IDENTITY.includes(name)) }
  const claims = { ...only(name => !before.userInfo?.includes(name)), ...fresh }
  const said = namesIn(fresh)
  const isAllSaid = namesIn(claims).every(name => said.includes(name))
  return { claims, userInfo: Object.keys(answer), signedInAt: isAllSaid ? now : before.signedInAt }
}
