import { describe, expect, it } from 'vitest'
import { type AdmissionRules, admit, type Person } from '../../../demo-as/upstream/admission.ts'

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
