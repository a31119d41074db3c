import { anyOf, GROUP, OPENID_SCOPES, type OpenIdSignIn, openIdPerson, type People, textOf } from '../../src/people/people.ts'

const GUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'

export const people: People<OpenIdSignIn> = {
  principals: {
    pattern: anyOf(`user:${GUID}`, `tenant:${GUID}`, GROUP),
    hint: 'tenant:ID, user:OBJECT_ID, group:OBJECT_ID or role:NAME; Microsoft does not verify e-mail addresses',
  },
  signIn: {
    protocol: 'openid',
    title: 'Microsoft',
    scopes: OPENID_SCOPES,
    promptForAnother: 'select_account',
    personOf(claims, names) {
      const [tenant, id] = [textOf(claims.tid), textOf(claims.oid)]
      const known = openIdPerson('azure', claims, names)
      if (!known || tenant === undefined || id === undefined) return undefined
      // `email` is what an administrator of any tenant typed in (nOAuth).
      const person = { ...known, verifiedEmails: [], unverifiedEmail: true }
      return { ...person, subject: `azure:${tenant}:${id}`, id, tenant }
    },
  },
}
