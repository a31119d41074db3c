// What an adapter's `people.ts` holds: who the users of a provider are, for access rules and for the bridge.
import { claimReader, namesIn } from '../claims/reader.ts'
import { principalsOf } from './principals.ts'

/** What a provider says about somebody, reduced to what rules may rely on: immutable or verified. */
export interface PersonFacts {
  /** Becomes the `sub` of tokens; unlike that of anybody at another provider. */
  subject: string
  username?: string
  name?: string
  /** Immutable id, as the provider spells it. */
  id: string
  /** Addresses whose owner the provider has verified, as it spells them. */
  verifiedEmails: readonly string[]
  /** Domains that the provider answers for. Default: those of `verifiedEmails`. */
  domains?: readonly string[]
  /** Whether there is an address that is not verified. */
  unverifiedEmail?: boolean
  tenant?: string
  organizations?: readonly string[]
  groups?: readonly string[]
  roles?: readonly string[]
  /** Whether a setting of its own lets them in: then `allow` need not mean them. */
  isNamed?: boolean
  /** What the provider left out, and how to have it: said where a rule that goes by it does not hold. */
  withheld?: string
}

/** Somebody, with every name under which a rule may mean them. */
export interface Person extends PersonFacts {
  /** `everyone`, `user:ID`, `ada@example.com`, `@example.com`, `tenant:ID`, `org:ID`, `group:NAME`, `role:NAME`. */
  principals: ReadonlySet<string>
}

/** Works out the names under which rules may mean somebody. */
export function personWith(facts: PersonFacts): Person {
  return { ...facts, principals: principalsOf(facts) }
}

/** What rules may call people by. */
export interface Principals {
  readonly pattern: RegExp
  /** The same for people, after "must be". */
  readonly hint: string
}

export interface ClaimNames {
  /** Claim with groups, or a path to it: `realm_access.groups`. Its value is a text, a list, or an object whose keys count. */
  groupsClaim: string
  /** Claim with roles, as `groupsClaim`. */
  rolesClaim: string
}

type Claims = Readonly<Record<string, unknown>>

/** What is wrong with the credentials of a client, by what this provider's look like; nothing where they could be right. */
export interface CredentialMistakes {
  readonly clientId?: string
  readonly clientSecret?: string
}

/** Sign-in by OpenID Connect, and what is special about one provider there. */
export interface OpenIdSignIn {
  readonly protocol: 'openid'
  /** Whether a client without credentials will do. Default: false. */
  readonly publicClient?: boolean
  /** Variable in which the provider's own platform names a file with a token, in place of a secret. Default: none. */
  readonly platformTokenFile?: string
  /** @param clientSecret - Absent where the client has none; never to be repeated. */
  credentialMistakes?(clientId: string, clientSecret?: string): CredentialMistakes
  /** The provider's name for people. Default: its host. */
  readonly title?: string
  readonly scopes: readonly string[]
  /** Further parameters of the authorization request. */
  readonly parameters?: Readonly<Record<string, string>>
  /**
   * Whether `offline_access` goes with `prompt=consent`: OpenID Connect Core 1.0 §11 lets a provider drop the scope otherwise. Default:
   * false, where a provider is known to give refresh tokens without.
   */
  readonly consentForOffline?: boolean
  /** `prompt` for somebody who wants another account than the one that the provider would take. */
  readonly promptForAnother: string
  /** What a client assertion that the bridge signs is made out to at first; the other is tried when it is refused. Default: `issuer`. */
  readonly assertionAudience?: 'issuer' | 'token_endpoint'
  /** Whether claims beyond who it is stand at the userinfo endpoint only. Default: false. */
  readonly userInfo?: boolean
  /** Whether the end of one grant at the provider ends all that the person has with this client. Default: false. */
  readonly revokesAll?: boolean
  /** @returns `undefined` where the claims do not say who it is. */
  personOf(claims: Claims, names: ClaimNames): Person | undefined
}

/** Sign-in at GitHub, which has OAuth and an API, and no OpenID Connect. */
export interface GithubSignIn {
  readonly protocol: 'github-api'
  readonly publicClient?: undefined
  readonly platformTokenFile?: undefined
  credentialMistakes(clientId: string, clientSecret?: string): CredentialMistakes
  /**
   * @param site - Origin of github.com or of an Enterprise Server.
   * @returns `undefined` where GitHub does not say who it is.
   */
  personOf(account: GithubAccount, site: string): Person | undefined
}

/** Answers of GitHub's API; lists are empty where no rule goes by them. */
export interface GithubAccount {
  readonly user: Claims
  readonly emails: readonly Claims[]
  readonly organizations: readonly Claims[]
  readonly teams: readonly Claims[]
}

/** The people of one provider. */
export interface People<S extends OpenIdSignIn | GithubSignIn = OpenIdSignIn | GithubSignIn> {
  /** What the rules of the bridge can go by: what the provider says that is immutable or verified. */
  readonly principals: Principals
  readonly signIn: S
}

/** What rules about people go by where tokens of an OpenID provider are validated: the same as at a sign-in. */
export function peopleOfTokens({ principals, signIn }: People<OpenIdSignIn>) {
  return { principals, personOf: signIn.personOf }
}

/** Sources of patterns of principals. */
export const USER = 'user:[\\x21-\\x7e]+'
export const EMAIL = "[a-z0-9.!#$%&'*+/=?^_`{|}~-]*@[a-z0-9-]+(\\.[a-z0-9-]+)+"
export const GROUP = '(group|role):.+'

export function anyOf(...sources: readonly string[]): RegExp {
  return new RegExp(`^(${sources.join('|')})$`)
}

/** What rules can call people of an ordinary OpenID provider by. */
export const OPENID_PRINCIPALS: Principals = {
  pattern: anyOf(USER, EMAIL, GROUP),
  hint: 'user:ID, ada@example.com, @example.com, group:NAME or role:NAME',
}

/** Scopes of an ordinary OpenID provider. */
export const OPENID_SCOPES = ['openid', 'profile', 'email', 'offline_access'] as const

/**
 * What claims of an ordinary OpenID provider say about a person.
 *
 * @param provider - Name of the adapter.
 * @returns `undefined` without `iss` or `sub`: all who lack one would be the same person.
 */
export function openIdPerson(
  provider: string,
  claims: Claims,
  { groupsClaim, rolesClaim }: ClaimNames,
): PersonFacts | undefined {
  const [issuer, id] = [textOf(claims.iss), textOf(claims.sub)]
  if (issuer === undefined || id === undefined) return undefined
  const email = textOf(claims.email)
  const isVerified = claims.email_verified === true
  return {
    subject: `${provider}:${issuer.replace(/^https?:\/\//, '')}:${id}`,
    username: textOf(claims.preferred_username) ?? email ?? textOf(claims.nickname),
    name: textOf(claims.name),
    id,
    verifiedEmails: email !== undefined && isVerified ? [email] : [],
    unverifiedEmail: email !== undefined && !isVerified,
    groups: namesOf(claimReader(groupsClaim)(claims)),
    roles: namesOf(claimReader(rolesClaim)(claims)),
  }
}

/**
 * The people of a provider that is known by its settings only, and what all such providers have in common.
 *
 * @param provider - Name of the adapter.
 */
export function openIdPeople(provider: string): People<OpenIdSignIn> {
  return {
    principals: OPENID_PRINCIPALS,
    signIn: {
      protocol: 'openid',
      publicClient: true,
      scopes: OPENID_SCOPES,
      promptForAnother: 'login',
      consentForOffline: true,
      userInfo: true,
      personOf(claims, names) {
        const facts = openIdPerson(provider, claims, names)
        return facts && personWith(facts)
      },
    },
  }
}

/** A text that is not empty; `undefined` for anything else. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function textsOf(value: unknown): string[] {
  return [value].flat().filter(item => typeof item === 'string')
}

function namesOf(value: unknown): readonly string[] {
  return namesIn(value) ?? textsOf(value)
}
