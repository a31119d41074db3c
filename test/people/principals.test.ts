import { describe, expect, it } from 'vitest'
import { type PersonFacts, personWith } from '../../src/people/people.ts'

const ada: PersonFacts = { subject: 'oidc:id.example.com:1', id: '1', verifiedEmails: ['ada@corp.com'], name: 'Ada' }
const isMeant = (rule: string, facts: Partial<PersonFacts>) => personWith({ ...ada, ...facts }).principals.has(rule)

describe('a rule', () => {
  it.each([
    ['everyone', {}],
    ['user:1', {}],
    ['ada@corp.com', {}],
    ['@corp.com', {}],
    ['@corp.com', { verifiedEmails: ['Ada@CORP.com'] }],
    ['@corp.com', { verifiedEmails: [], domains: ['corp.com'] }],
    ['tenant:t1', { tenant: 't1' }],
    ['org:o1', { organizations: ['o1'] }],
    ['group:Admins', { groups: ['Staff', 'Admins'] }],
    ['role:editor', { roles: ['editor'] }],
  ])('%s means somebody with %j', (rule, facts) => {
    expect(isMeant(rule, facts)).toBe(true)
  })

  it.each([
    ['@corp.com', 'has no verified address', { verifiedEmails: [] }],
    ['@corp.com', 'has two @ in the address', { verifiedEmails: ['a@evil@corp.com', 'a@corp.com@evil.example'] }],
    ['@kelvin.com', 'has a homoglyph in the domain', { verifiedEmails: ['ada@\u212Aelvin.com'] }],
    ['@corp.com', 'is in a domain below', { verifiedEmails: ['ada@sub.corp.com'] }],
    ['@corp.com', 'is in a domain that ends alike', { verifiedEmails: ['ada@notcorp.com'] }],
    ['@corp.com', 'has a quoted address', { verifiedEmails: ['"ada@evil.example"@corp.com'] }],
    ['@corp.com', 'has a line break in the address', { verifiedEmails: ['ada@corp.com\n'] }],
    ['@corp.com', 'has an address for which nobody answers', { domains: [] }],
    ['group:admins', 'has an address like the rule', { verifiedEmails: ['group:admins@corp.com'] }],
    ['user:2', 'has a group like the id of somebody', { groups: ['2', 'user:2'] }],
    ['user:7', 'has another id', {}],
    ['user:everyone', 'is everyone', {}],
    ['group:admins', 'differs in case', { groups: ['Admins'] }],
    ['tenant:t1', 'is in another tenant', { tenant: 't2' }],
  ])('%s does not mean somebody who %s', (rule, _label, facts) => {
    expect(isMeant(rule, facts)).toBe(false)
  })
})
