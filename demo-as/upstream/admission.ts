import { clipped } from '../pages/html.ts'
import type { Identification, SignedInUser } from './upstream.ts'

/** What an upstream says about somebody, reduced to what rules may rely on: immutable or verified. */
export interface Person {
  /** Becomes the `sub` of tokens; unlike that of anybody at another upstream. */
  subject: string
  username?: string
  name?: string
  /** Immutable id, as the upstream spells it. */
  id: string
  /** Addresses whose owner the upstream has verified, as it spells them. */
  verifiedEmails: readonly string[]
  /** Domains that somebody answers for: of those addresses, or as the upstream says it otherwise. Default: of those addresses. */
  domains?: readonly string[]
  /** An address that is not verified; said on the page when rules go by address. */
  unverifiedEmail?: boolean
  tenant?: string
  organizations?: readonly string[]
  groups?: readonly string[]
  roles?: readonly string[]
}

export interface ScopeRule {
  readonly scopes: readonly string[]
  /** Principals, as in {@link AdmissionRules.allow}. */
  readonly to: readonly string[]
}

export interface AdmissionRules {
  /**
   * Who may enter: `everyone`, `user:ID`, `ada@example.com`, `@example.com`, `tenant:ID`, `org:ID`, `group:NAME`, `role:NAME`.
   */
  readonly allow: readonly string[]
  /** What they may hand to applications. A person gets the scopes of all rules that mean them. Empty where servers have no scopes. */
  readonly grants: readonly ScopeRule[]
}

/** Applies the rules to somebody who signed in. */
export function admit(person: Person, rules: AdmissionRules): Exclude<Identification, { outcome: 'nobody' }> {
  const principals = principalsOf(person)
  const meant = ({ to }: { to: readonly string[] }) => to.some(name => principals.has(name))
  if (!meant({ to: rules.allow })) {
    const words = person.unverifiedEmail && rules.allow.some(isEmailRule) ? UNVERIFIED : NOT_LISTED
    return { outcome: 'not_allowed', words, reason: `${person.subject} is in none of the rules of who may enter` }
  }
  const scopes = [...new Set(rules.grants.filter(meant).flatMap(rule => rule.scopes))]
  // Without rules there is nothing to grant: no server has scopes.
  if (scopes.length === 0 && rules.grants.length > 0) {
    return { outcome: 'not_allowed', words: NOTHING_GRANTED, reason: `no rule grants a scope to ${person.subject}` }
  }
  return { outcome: 'signed_in', user: userOf(person, scopes) }
}

const NOT_LISTED = 'Your account is not among those that may enter.'
const NOTHING_GRANTED = 'Your account may do nothing here yet.'
const UNVERIFIED = 'It goes by e-mail address, and yours is not verified there.'

/** Whether a rule goes by e-mail address or its domain. */
export function isEmailRule(principal: string): boolean {
  return principal.includes('@') && !principal.includes(':')
}

function userOf({ subject, username, name, verifiedEmails }: Person, scopes: readonly string[]): SignedInUser {
  const login = clipped(username ?? verifiedEmails[0] ?? subject, 200)
  return { subject, username: login, name: clipped(name ?? '') || login, scopes }
}

/** Every name under which a rule may mean somebody. No name can be taken for one of another kind. */
function principalsOf(person: Person): ReadonlySet<string> {
  const emails = person.verifiedEmails.map(plainEmail).filter(email => email !== undefined)
  const domains = person.domains ?? emails.map(email => email.slice(email.indexOf('@') + 1))
  const named = (kind: string, names: readonly string[] = []) => names.map(name => `${kind}:${name}`)
  return new Set([
    'everyone',
    ...named('user', [person.id]),
    ...emails,
    ...domains.map(domain => `@${domain}`),
    ...named('tenant', person.tenant === undefined ? [] : [person.tenant]),
    ...named('org', person.organizations),
    ...named('group', person.groups),
    ...named('role', person.roles),
  ])
}

/**
 * An address in lower case; `undefined` unless it is a plain one. Exactly one @ (`a@evil@corp.com` is in two domains) and ASCII
 * only: lower case turns the Kelvin sign into a k. No colon, so that it is the name of no group.
 */
export function plainEmail(email: string): string | undefined {
  return /^[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9.-]+$/.test(email) ? email.toLowerCase() : undefined
}
