import type { ValidatorObserver } from '../context.ts'
import { InvalidTokenError } from '../errors.ts'
import type { TokenReason } from '../reasons.ts'
import { clip } from '../text.ts'
import type { ValidatedToken } from '../token-validator.ts'
import type { ScopeGrant } from './grants.ts'
import type { Person } from './people.ts'
import { isEmailPrincipal } from './principals.ts'

/** Who may use a server, and which scopes they have there. */
export interface PeopleRules {
  /** Principals, one of which must mean the person. Empty: everybody whose token is good. */
  readonly allow: readonly string[]
  /** Scopes by rule, instead of those of the token. Empty: those of the token. */
  readonly grants: readonly ScopeGrant[]
}

/**
 * Who stands behind an accepted token; `undefined` where it does not say.
 *
 * @param raw - The token itself, to ask the provider with.
 * @throws As `TokenValidator.validate` does, where the provider has to be asked.
 */
export type DescribePerson = (token: ValidatedToken, raw: string) => Person | undefined | Promise<Person | undefined>

/** Decides about an accepted token by its person; see {@link createPeopleCheck}. */
export type PeopleCheck = (token: ValidatedToken, raw: string) => ValidatedToken | Promise<ValidatedToken>

export interface PeopleCheckOptions {
  readonly describe: DescribePerson
  /** The provider's own reason for a refusal; `undefined` keeps the general one. */
  readonly explain?: (token: ValidatedToken, person: Person | undefined) => TokenReason | undefined
  readonly observer?: ValidatorObserver
}

/**
 * Applies rules about people to tokens that are good otherwise: refuses those of people whom `allow` does not mean, and replaces
 * the scopes by those of `grants`.
 *
 * @returns `undefined` where there is no rule.
 */
export function createPeopleCheck(
  { allow, grants }: PeopleRules,
  { describe, explain, observer }: PeopleCheckOptions,
): PeopleCheck | undefined {
  if (allow.length === 0 && grants.length === 0) return undefined
  const scopesFor = createScopeTable(grants)
  const principalsOfRules = [...allow, ...grants.flatMap(({ to }) => to)]
  const byGroup = principalsOfRules.filter(name => name.startsWith('group:'))

  function apply(token: ValidatedToken, person: Person | undefined): ValidatedToken {
    const principals = person?.principals ?? ANYBODY
    if (person?.withheld !== undefined && byGroup.some(name => !principals.has(name))) {
      observer?.warning?.('Rules that go by group do not hold for somebody.', { reason: person.withheld })
    }
    if (allow.length > 0 && !person?.isNamed && !allow.some(name => principals.has(name))) {
      const reason = explain?.(token, person) ?? notAllowed(token, person, allow)
      throw new InvalidTokenError(reason, { publicMessage: NOT_ALLOWED })
    }
    return grants.length === 0 ? token : Object.freeze({ ...token, scopes: scopesFor(principals) })
  }

  return (token, raw) => {
    const described = describe(token, raw)
    return described instanceof Promise ? described.then(person => apply(token, person)) : apply(token, described)
  }
}

const ANYBODY: ReadonlySet<string> = new Set(['everyone'])

const NOT_ALLOWED =
  'This account may not use this server. Sign in with another account, or ask the operator of the server for access.'

function notAllowed({ subject }: ValidatedToken, person: Person | undefined, allow: readonly string[]): TokenReason {
  const unverified = person?.unverifiedEmail && allow.some(isEmailPrincipal)
  const detail = person?.withheld ?? (unverified ? 'the e-mail address is not verified' : undefined)
  return { kind: 'person_not_allowed', subject: clip(subject), allow, detail }
}

/** Thousands of cached tokens carry the same few combinations of scopes: each list is made once. */
function createScopeTable(grants: readonly ScopeGrant[]): (principals: ReadonlySet<string>) => readonly string[] {
  const known = new Map<string, readonly string[]>()
  return principals => {
    const meant = grants.filter(({ to }) => to.some(name => principals.has(name)))
    const key = meant.map(grant => grants.indexOf(grant)).join(' ')
    const scopes = known.get(key) ?? Object.freeze([...new Set(meant.flatMap(grant => grant.scopes))])
    known.set(key, scopes)
    return scopes
  }
}
