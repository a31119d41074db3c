import {
  anyOf,
  EMAIL,
  type OpenIdSignIn,
  openIdPerson,
  type People,
  type Principals,
  textOf,
} from '../../src/people/people.ts'

/** What `grants` go by: what Google says about an access token. */
export const grantees: Principals = {
  pattern: /^(\d+|@[a-z0-9.-]+)$/,
  hint: 'a domain like @example.com, or the number in the sub of a user',
}

/** Plain addresses only: exactly one @, and ASCII. */
const GMAIL = /^[\w.!#$%&'*+/=?^`{|}~-]+@gmail\.com$/i

export const people: People<OpenIdSignIn> = {
  principals: {
    pattern: anyOf('user:\\d+', EMAIL),
    hint: 'user:NUMBER, ada@example.com or @example.com (a Workspace domain)',
  },
  signIn: {
    protocol: 'openid',
    title: 'Google',
    // Refresh tokens are asked for by a parameter, and given at a consent only. Google ends them all together.
    scopes: ['openid', 'profile', 'email'],
    parameters: { access_type: 'offline', prompt: 'consent' },
    promptForAnother: 'select_account consent',
    revokesAll: true,
    personOf(claims, names) {
      const person = openIdPerson('google', claims, names)
      if (!person) return undefined
      const domain = textOf(claims.hd)?.toLowerCase()
      // Google answers for the addresses of Workspace and Gmail. Others were verified once, and may belong to somebody else now.
      const verifiedEmails = person.verifiedEmails.filter(email => domain !== undefined || GMAIL.test(email))
      return {
        ...person,
        subject: `google:${person.id}`,
        verifiedEmails,
        domains: domain === undefined ? [] : [domain],
      }
    },
  },
}
