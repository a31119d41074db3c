import { describe, expect, it } from 'vitest'
import { type AdmissionRules, admit, type Person } from '../../../demo-as/upstream/admission.ts'

const grants = [{ scopes: ['notes:read'], to: ['everyone'] }]
const calledBy = (...names: string[]): Person => ({
  subject: 'oidc:id.example.com:1',
  name: 'Ada',
  principals: new Set(['everyone', ...names]),
})

function outcome(person: Person, allow: string[], rules: Partial<AdmissionRules> = {}) {
  return admit(person, { allow, grants, ...rules }).outcome
}

describe('who may enter', () => {
  it.each(['everyone', 'user:1', '@corp.com', 'group:Admins'])('lets in whom %s means', rule => {
    expect(outcome(calledBy('user:1', '@corp.com', 'group:Admins'), ['nobody', rule])).toBe('signed_in')
  })

  it.each(['user:2', '@corp', 'group:admins', 'Everyone'])('keeps out whom %s does not mean', rule => {
    expect(outcome(calledBy('user:1', '@corp.com', 'group:Admins'), [rule])).toBe('not_allowed')
  })

  it('keeps out somebody who may do nothing', () => {
    const rules = { grants: [{ scopes: ['notes:read'], to: ['group:staff'] }] }
    expect(outcome(calledBy('user:1'), ['everyone'], rules)).toBe('not_allowed')
  })

  it('lets in somebody who is to have no scope where no rule grants any', () => {
    expect(admit(calledBy(), { allow: ['everyone'], grants: [] })).toMatchObject({
      outcome: 'signed_in',
      user: { scopes: [] },
    })
  })

  it('adds up the scopes of all rules that mean somebody', () => {
    const more = [...grants, { scopes: ['notes:write', 'notes:read'], to: ['group:staff'] }]
    const admitted = admit(calledBy('group:staff'), { allow: ['everyone'], grants: more })
    expect(admitted).toMatchObject({ outcome: 'signed_in', user: { scopes: ['notes:read', 'notes:write'] } })
  })

  it('says that an address is not verified where the rules go by it', () => {
    const refused = admit({ ...calledBy(), unverifiedEmail: true }, { allow: ['@corp.com'], grants })
    expect(refused).toMatchObject({ words: expect.stringContaining('not verified') })
  })

  it('tells the log what the provider left out', () => {
    const person = { ...calledBy(), withheld: 'too many groups for a token' }
    const reason = expect.stringContaining('too many groups for a token')
    expect(admit(person, { allow: ['group:staff'], grants })).toMatchObject({ reason })
    const byGroup = [{ scopes: ['notes:read'], to: ['group:staff'] }]
    expect(admit(person, { allow: ['everyone'], grants: byGroup })).toMatchObject({ reason })
  })
})
