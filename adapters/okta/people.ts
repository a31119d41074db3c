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
    title: 'Okta',
    scopes: OPENID_SCOPES,
    assertionAudience: 'token_endpoint',
    promptForAnother: 'login',
    userInfo: true, // ID tokens of the code flow are thin
    personOf(claims, names) {
      const facts = openIdPerson('okta', claims, names)
      return facts && personWith(facts)
    },
  },
}
