import { describe, expect, it } from 'vitest'
import { type AdmissionRules, admit, type Person } from '../../../demo-as/upstream/admission.ts'
import { presets } from '../../../demo-as/upstream/presets.ts'

const names = { groupsClaim: 'groups', rolesClaim: 'roles' }
const ada: Person = { subject: 'oidc:id.example.com:1', id: '1', verifiedEmails: ['ada@corp.com'], name: 'Ada' }
const grants = [{ scopes: ['notes:read'], to: ['everyone'] }]

function outcome(person: Partial<Person>, allow: string[], rules: Partial<AdmissionRules> = {}) {
  return admit({ ...ada, ...person }, { allow, grants, ...rules }).outcome
}

describe('who may enter', () => {
  it.each([
    ['everyone', {}],
    ['user:1', {}],
    ['ada@corp.com', {}],
    ['@corp.com', {}],
    ['@corp.com', { verifiedEmails: ['Ada@CORP.com'] }],
    ['tenant:t1', { tenant: 't1' }],
    ['org:o1', { organizations: ['o1'] }],
    ['group:Admins', { groups: ['Staff', 'Admins'] }],
    ['role:editor', { roles: ['editor'] }],
  ])('lets in whom %s means', (rule, person) => {
    expect(outcome(person, ['nobody', rule])).toBe('signed_in')
  })

  it.each([
    ['@corp.com', 'has no verified address', { verifiedEmails: [] }],
    ['@corp.com', 'has two @ in the address', { verifiedEmails: ['a@evil@corp.com', 'a@corp.com@evil.example'] }],
    ['@kelvin.com', 'has a homoglyph in the domain', { verifiedEmails: ['ada@\u212Aelvin.com'] }],
    ['@corp.com', 'is in a domain below', { verifiedEmails: ['ada@sub.corp.com'] }],
    ['@corp.com', 'is in a domain that ends alike', { verifiedEmails: ['ada@notcorp.com'] }],
    ['@corp.com', 'has a quoted address', { verifiedEmails: ['"ada@evil.example"@corp.com'] }],
    ['@corp.com', 'has a line break in the address', { verifiedEmails: ['ada@corp.com\n'] }],
    ['group:admins', 'has an address like the rule', { verifiedEmails: ['group:admins@corp.com'] }],
    ['user:2', 'has a group like the id of somebody', { groups: ['2', 'user:2'] }],
    ['user:7', 'has another id', {}],
    ['user:everyone', 'is everyone', {}],
    ['group:admins', 'differs in case', { groups: ['Admins'] }],
    ['tenant:t1', 'is in another tenant', { tenant: 't2' }],
  ])('with %s keeps out somebody who %s', (rule, _label, person) => {
    expect(outcome(person, [rule])).toBe('not_allowed')
  })

  it('keeps out somebody who may do nothing', () => {
    expect(outcome({}, ['everyone'], { grants: [{ scopes: ['notes:read'], to: ['group:staff'] }] })).toBe('not_allowed')
  })

  it('lets in somebody who is to have no scope where no rule grants any', () => {
    expect(admit(ada, { allow: ['everyone'], grants: [] })).toMatchObject({
      outcome: 'signed_in',
      user: { scopes: [] },
    })
  })

  it('adds up the scopes of all rules that mean somebody', () => {
    const more = [...grants, { scopes: ['notes:write', 'notes:read'], to: ['group:staff'] }]
    const admitted = admit({ ...ada, groups: ['staff'] }, { allow: ['everyone'], grants: more })
    expect(admitted).toMatchObject({ outcome: 'signed_in', user: { scopes: ['notes:read', 'notes:write'] } })
  })

  it('says that an address is not verified where the rules go by it', () => {
    const refused = admit({ ...ada, verifiedEmails: [], unverifiedEmail: true }, { allow: ['@corp.com'], grants })
    expect(refused).toMatchObject({ words: expect.stringContaining('not verified') })
  })
})

describe('what is believed of each provider', () => {
  const google = (claims: object) =>
    presets.google.personOf({ iss: 'https://accounts.google.com', sub: '1', ...claims }, names)
  const azure = (claims: object) => presets.azure.personOf({ iss: 'https://login', sub: 'pairwise', ...claims }, names)

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
    expect(presets[name].personOf(claims, names)).toBeDefined()
    for (const missing of [undefined, null, '', 7, ['1']]) {
      expect(presets[name].personOf({ ...claims, sub: missing }, names)).toBeUndefined()
      expect(presets[name].personOf({ ...claims, iss: missing }, names)).toBeUndefined()
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
    expect(presets.auth0.personOf(claims, names)?.organizations).toEqual(['org_1'])
  })

  it('gives the same id at two issuers two subjects', () => {
    const at = (iss: string) => presets.oidc.personOf({ iss, sub: '1' }, names)?.subject
    expect(at('https://a.example/realms/x')).not.toBe(at('https://a.example/realms/y'))
  })
})
