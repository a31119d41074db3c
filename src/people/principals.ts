import type { PersonFacts } from './people.ts'

/** Every name under which a rule may mean somebody. No name can be taken for one of another kind. */
export function principalsOf(person: PersonFacts): ReadonlySet<string> {
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

/** Whether a rule goes by e-mail address or its domain. */
export function isEmailPrincipal(principal: string): boolean {
  return principal.includes('@') && !principal.includes(':')
}
