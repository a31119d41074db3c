import {
  anyOf,
  EMAIL,
  type OpenIdSignIn,
  openIdPerson,
  type People,
  personWith,
  textOf,
} from '../../src/people/people.ts'
import { plainEmail } from '../../src/people/principals.ts'

/** Plain addresses only: exactly one @, and ASCII. */
const GMAIL = /^[\w.!#$%&'*+/=?^`{|}~-]+@gmail\.com$/i

export const people: People<OpenIdSignIn> = {
  principals: {
    pattern: anyOf('user:\\d+', EMAIL),
    hint: 'user:NUMBER, ada@example.com or @example.com (a Workspace domain)',
  },
  signIn: {
    protocol: 'openid',
    credentialMistakes(clientId, clientSecret = '') {
      return {
        ...(clientId.startsWith('GOCSPX-') && { clientId: 'is a client secret, not the id' }),
        ...(clientSecret.endsWith('.apps.googleusercontent.com') && { clientSecret: 'is a client id, not the secret' }),
      }
    },
    title: 'Google',
    // Refresh tokens are asked for by a parameter, and given at a consent only. Google ends them all together.
    scopes: ['openid', 'profile', 'email'],
    parameters: { access_type: 'offline', prompt: 'consent' },
    promptForAnother: 'select_account consent',
    revokesAll: true,
    personOf(claims, names) {
      const person = openIdPerson('google', claims, names)
      if (!person) return undefined
      // An account of Workspace always has a verified address; one that is odd belongs to nobody.
      const isPlain = person.verifiedEmails.some(email => plainEmail(email) !== undefined)
      const domain = isPlain ? textOf(claims.hd)?.toLowerCase() : undefined
      // Google answers for the addresses of Workspace and Gmail. Others were verified once, and may belong to somebody else now.
      const verifiedEmails = person.verifiedEmails.filter(email => domain !== undefined || GMAIL.test(email))
      return personWith({
        ...person,
        isNamed: isServiceAccount(claims),
        subject: `google:${person.id}`,
        verifiedEmails,
        domains: domain === undefined ? [] : [domain],
      })
    },
  },
}

/** A service account: their tokens are accepted only of those that `serviceAccountIdTokens` lists. */
export function isServiceAccount({ email, email_verified }: Readonly<Record<string, unknown>>): boolean {
  return email_verified === true && typeof email === 'string' && email.endsWith('.gserviceaccount.com')
}
