import {
  OPENID_PRINCIPALS,
  OPENID_SCOPES,
  type OpenIdSignIn,
  openIdPerson,
  type People,
  personWith,
} from '../../src/people/people.ts'

export const people: People<OpenIdSignIn> = {
  principals: OPENID_PRINCIPALS,
  signIn: {
    protocol: 'openid',
    publicClient: true,
    scopes: OPENID_SCOPES,
    promptForAnother: 'login',
    userInfo: true,
    personOf(claims, names) {
      const facts = openIdPerson('userinfo', claims, names)
      return facts && personWith(facts)
    },
  },
}
