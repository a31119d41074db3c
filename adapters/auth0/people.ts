import {
  anyOf,
  EMAIL,
  GROUP,
  OPENID_SCOPES,
  type OpenIdSignIn,
  openIdPerson,
  type People,
  textsOf,
  USER,
} from '../../src/people/people.ts'

export const people: People<OpenIdSignIn> = {
  principals: {
    pattern: anyOf(USER, EMAIL, 'org:.+', GROUP),
    hint: 'user:ID, ada@example.com, @example.com, org:ID, group:NAME or role:NAME',
  },
  signIn: {
    protocol: 'openid',
    title: 'Auth0',
    scopes: OPENID_SCOPES,
    promptForAnother: 'login',
    personOf(claims, names) {
      const person = openIdPerson('auth0', claims, names)
      return person && { ...person, organizations: textsOf(claims.org_id) }
    },
  },
}
