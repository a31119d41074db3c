import { type Person, plainEmail } from './admission.ts'
import type { ClaimNames, Claims, OpenIdPreset } from './openid-connect.ts'

export type OpenIdProviderName = 'auth0' | 'azure' | 'google' | 'oidc' | 'okta'

const SCOPES = ['openid', 'profile', 'email', 'offline_access'] as const

/** What each provider needs besides OpenID Connect as it is written. */
export const presets: Readonly<Record<OpenIdProviderName, OpenIdPreset>> = {
  google: {
    title: 'Google',
    // Refresh tokens are asked for by a parameter, and given at a consent only. Google ends them all together.
    scopes: ['openid', 'profile', 'email'],
    parameters: { access_type: 'offline', prompt: 'consent' },
    promptForAnother: 'select_account consent',
    revokesAll: true,
    personOf(claims, names) {
      const person = personOf('google', claims, names)
      if (!person) return undefined
      const domain = text(claims.hd)?.toLowerCase()
      // Google answers for the addresses of Workspace and Gmail. Others were verified once, and may belong to somebody else now.
      const verifiedEmails = person.verifiedEmails.filter(email => domain || plainEmail(email)?.endsWith('@gmail.com'))
      return { ...person, subject: `google:${person.id}`, verifiedEmails, domains: domain ? [domain] : [] }
    },
  },
  azure: {
    title: 'Microsoft',
    scopes: SCOPES,
    promptForAnother: 'select_account',
    personOf(claims, names) {
      const [tenant, id] = [text(claims.tid), text(claims.oid)]
      const known = personOf('azure', claims, names)
      if (!known || tenant === undefined || id === undefined) return undefined
      // `email` is what an administrator of any tenant typed in (nOAuth).
      const person = { ...known, verifiedEmails: [], unverifiedEmail: true }
      return { ...person, subject: `azure:${tenant}:${id}`, id, tenant }
    },
  },
  auth0: {
    title: 'Auth0',
    scopes: SCOPES,
    promptForAnother: 'login',
    personOf(claims, names) {
      const person = personOf('auth0', claims, names)
      return person && { ...person, organizations: texts(claims.org_id) }
    },
  },
  // Its ID tokens of the code flow are thin.
  okta: {
    title: 'Okta',
    scopes: SCOPES,
    promptForAnother: 'login',
    userInfo: true,
    personOf: (claims, names) => personOf('okta', claims, names),
  },
  oidc: {
    scopes: SCOPES,
    promptForAnother: 'login',
    userInfo: true,
    personOf: (claims, names) => personOf('oidc', claims, names),
  },
}

/** @returns `undefined` without `iss` or `sub`: all who lack one would be the same person. */
function personOf(provider: string, claims: Claims, { groupsClaim, rolesClaim }: ClaimNames): Person | undefined {
  const [issuer, id] = [text(claims.iss), text(claims.sub)]
  if (issuer === undefined || id === undefined) return undefined
  const email = text(claims.email)
  const isVerified = claims.email_verified === true
  return {
    subject: `${provider}:${issuer.replace(/^https?:\/\//, '')}:${id}`,
    username: text(claims.preferred_username) ?? email ?? text(claims.nickname),
    name: text(claims.name),
    id,
    verifiedEmails: email !== undefined && isVerified ? [email] : [],
    unverifiedEmail: email !== undefined && !isVerified,
    groups: texts(claims[groupsClaim]),
    roles: texts(claims[rolesClaim]),
  }
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

function texts(value: unknown): string[] {
  return [value].flat().filter(item => typeof item === 'string')
}
