import { describe, expect, it } from 'vitest'
import { people } from '../../adapters/people.ts'

const names = { groupsClaim: 'groups', rolesClaim: 'roles' }

describe('what is believed of each provider', () => {
  const google = (claims: object) =>
    people.google.signIn.personOf({ iss: 'https://accounts.google.com', sub: '1', ...claims }, names)
  const azure = (claims: object) =>
    people.azure.signIn.personOf({ iss: 'https://login', sub: 'pairwise', ...claims }, names)

  it('Google: the domain of a Workspace account, not that of an address', () => {
    expect(google({ hd: 'corp.com', email: 'ada@corp.com', email_verified: true })?.domains).toEqual(['corp.com'])
    const former = google({ email: 'ada@corp.com', email_verified: true })
    expect(former).toMatchObject({ domains: [], verifiedEmails: [] })
  })

  it('Google: an address of Gmail or Workspace only when it is verified', () => {
    expect(google({ email: 'ada@gmail.com', email_verified: true })?.verifiedEmails).toEqual(['ada@gmail.com'])
    expect(google({ email: 'ada@gmail.com', email_verified: false })?.verifiedEmails).toEqual([])
    expect(google({ email: 'ada@gmail.com', email_verified: 'true' })?.verifiedEmails).toEqual([])
  })

  it('Entra: tid and oid, and never an address', () => {
    const person = azure({ tid: 't', oid: 'o', email: 'ada@corp.com', email_verified: true, roles: ['Editor'] })
    expect(person).toMatchObject({ subject: 'azure:t:o', tenant: 't', id: 'o', verifiedEmails: [], roles: ['Editor'] })
  })

  it.each(['google', 'auth0', 'okta', 'oidc'] as const)('%s: nobody without issuer or subject', name => {
    const claims = { iss: 'https://id.example.com', sub: '1' }
    expect(people[name].signIn.personOf(claims, names)).toBeDefined()
    for (const missing of [undefined, null, '', 7, ['1']]) {
      expect(people[name].signIn.personOf({ ...claims, sub: missing }, names)).toBeUndefined()
      expect(people[name].signIn.personOf({ ...claims, iss: missing }, names)).toBeUndefined()
    }
  })

  it.each([{ tid: 't' }, { oid: 'o' }, { tid: 't', oid: 1 }, { tid: 't', oid: '' }])(
    'Entra: nobody with %j alone',
    claims => {
      expect(azure(claims)).toBeUndefined()
    },
  )

  it('Auth0: the id of the organization, not its name', () => {
    const claims = { iss: 'https://t.auth0.com/', sub: 'auth0|1', org_id: 'org_1', org_name: 'acme' }
    expect(people.auth0.signIn.personOf(claims, names)?.organizations).toEqual(['org_1'])
  })

  it('gives the same id at two issuers two subjects', () => {
    const at = (iss: string) => people.oidc.signIn.personOf({ iss, sub: '1' }, names)?.subject
    expect(at('https://a.example/realms/x')).not.toBe(at('https://a.example/realms/y'))
  })

  it.each([
    ['a list at a path', 'realm_access.roles', { realm_access: { roles: ['editor'] } }],
    ['a list under a name with dots', 'https://example.com/roles', { 'https://example.com/roles': ['editor'] }],
    ['the keys of an object', 'urn:zitadel:roles', { 'urn:zitadel:roles': { editor: { '1001': 'example.com' } } }],
    ['one text', 'role', { role: 'editor' }],
  ])('OpenID Connect: roles and groups from %s', (_label, claim, claims) => {
    const person = people.oidc.signIn.personOf(
      { iss: 'https://id.example.com', sub: '1', ...claims },
      { groupsClaim: claim, rolesClaim: claim },
    )
    expect(person).toMatchObject({ roles: ['editor'], groups: ['editor'] })
  })

  it('OpenID Connect: no role from what every object has', () => {
    const names = { groupsClaim: 'toString', rolesClaim: '__proto__.constructor' }
    const person = people.oidc.signIn.personOf({ iss: 'https://id.example.com', sub: '1' }, names)
    expect(person).toMatchObject({ roles: [], groups: [] })
  })
})
