import {
  anyOf,
  EMAIL,
  GROUP,
  OPENID_SCOPES,
  type OpenIdSignIn,
  openIdPerson,
  type People,
  USER,
} from '../../src/people.ts'

export const people: People<OpenIdSignIn> = {
  principals: {
    pattern: anyOf(USER, EMAIL, GROUP),
    hint: 'user:ID, ada@example.com, @example.com, group:NAME or role:NAME',
  },
  signIn: {
    protocol: 'openid',
    title: 'Okta',
    scopes: OPENID_SCOPES,
    promptForAnother: 'login',
    userInfo: true, // ID tokens of the code flow are thin
    personOf: (claims, names) => openIdPerson('okta', claims, names),
  },
}
