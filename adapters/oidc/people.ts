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
    publicClient: true,
    scopes: OPENID_SCOPES,
    promptForAnother: 'login',
    userInfo: true,
    personOf: (claims, names) => openIdPerson('oidc', claims, names),
  },
}
