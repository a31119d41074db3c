import {
  anyOf,
  EMAIL,
  GROUP,
  OPENID_SCOPES,
  type OpenIdSignIn,
  openIdPerson,
  type People,
  personWith,
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
      const facts = openIdPerson('auth0', claims, names)
      return facts && personWith({ ...facts, organizations: textsOf(claims.org_id) })
    },
  },
}
