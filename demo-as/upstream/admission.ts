import { clipped } from '../pages/html.ts'
import type { Identification, SignedInUser } from './upstream.ts'

/** Somebody whom an upstream knows, and what rules may call them. */
export interface Person {
  /** Becomes the `sub` of tokens; unlike that of anybody at another upstream. */
  subject: string
  username?: string
  name?: string
  /** Every name under which a rule may mean somebody, as in {@link AdmissionRules.allow}. */
  principals: ReadonlySet<string>
  /** An address that is not verified; said on the page when rules go by address. */
  unverifiedEmail?: boolean
  /** What the upstream left out that rules may go by, and how to have it; for the log. */
  withheld?: string
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
  const meant = ({ to }: { to: readonly string[] }) => to.some(name => person.principals.has(name))
  const because = person.withheld === undefined ? '' : `; ${person.withheld}`
  if (!meant({ to: rules.allow })) {
    const words = person.unverifiedEmail && rules.allow.some(isEmailRule) ? UNVERIFIED : NOT_LISTED
    return {
      outcome: 'not_allowed',
      words,
      reason: `${person.subject} is in none of the rules of who may enter${because}`,
    }
  }
  const scopes = [...new Set(rules.grants.filter(meant).flatMap(rule => rule.scopes))]
  // Without rules there is nothing to grant: no server has scopes.
  if (scopes.length === 0 && rules.grants.length > 0) {
    const reason = `no rule grants a scope to ${person.subject}${because}`
    return { outcome: 'not_allowed', words: NOTHING_GRANTED, reason }
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

function userOf({ subject, username, name }: Person, scopes: readonly string[]): SignedInUser {
  const login = clipped(username ?? subject, 200)
  return { subject, username: login, name: clipped(name ?? '') || login, scopes }
}
