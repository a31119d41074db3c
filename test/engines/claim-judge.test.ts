import { expect, test } from 'vitest'
import { type ClaimRules, createClaimJudge, scopesFrom } from '../../src/engines/claim-judge.ts'
import { InvalidTokenError } from '../../src/errors.ts'
import { CLAIMS, createContext, ISSUER, NOW, RESOURCE } from './support.ts'

const { context } = createContext(fetch)

function judge(claims: Record<string, unknown>, rules: Partial<ClaimRules> = {}) {
  const binding = { audience: { audience: [RESOURCE] } } as const
  return createClaimJudge({ ...binding, ...rules }, 'required', context)(ISSUER, { ...CLAIMS, ...claims })
}

function reasonFor(claims: Record<string, unknown>, rules: Partial<ClaimRules> = {}) {
  try {
    judge(claims, rules)
  } catch (error) {
    if (error instanceof InvalidTokenError) return error.reason
    throw error
  }
  return expect.fail('the claims were accepted')
}

test('maps the claims of RFC 9068', () => {
  expect(judge({})).toEqual({
    issuer: 'https://as.example.com',
    subject: 'user-1',
    clientId: 'client-1',
    scopes: ['notes:read', 'notes:write'],
    audience: ['https://mcp.example.com/mcp'],
    expiresAt: NOW + 3600,
    principalType: 'user',
    claims: CLAIMS,
  })
})

test('maps claims that a provider puts elsewhere', () => {
  const claims = {
    client_id: undefined,
    cid: 'okta-client',
    uid: '00u1',
    scp: ['a', 'b'],
    scope: undefined,
    tid: 't-1',
  }
  const mapped = judge(claims, {
    clientId: ({ cid }) => cid,
    subject: ({ uid }) => uid,
    tenant: ({ tid }) => tid,
    principalType: () => 'service',
  })
  expect(mapped).toMatchObject({
    clientId: 'okta-client',
    subject: '00u1',
    scopes: ['a', 'b'],
    tenant: 't-1',
    principalType: 'service',
  })
})

test('marks a token whose subject is its client as a service', () => {
  expect(judge({ sub: 'client-1' }).principalType).toBe('service')
})

test.each([
  ['notes:read notes:write', ['notes:read', 'notes:write']],
  ['  notes:read   notes:read ', ['notes:read']],
  [['notes:read', 'notes:read', ''], ['notes:read']],
  ['', []],
  [[], []],
  [undefined, []],
  [null, []],
  ['notes:read\u00a0notes:admin', ['notes:read\u00a0notes:admin']],
  ['ｎotes:admin', ['ｎotes:admin']],
  ['notes:read\tnotes:admin', ['notes:read\tnotes:admin']],
])('reads the scope %j as %j', (scope, scopes) => {
  expect(judge({ scope }).scopes).toEqual(scopes)
})

test.each([[{ scope: 7 }], [{ scope: { 'notes:admin': true } }], [{ scope: ['notes:read', 7] }], [{ scope: true }]])(
  'refuses %j instead of guessing scopes',
  claims => {
    expect(reasonFor(claims)).toMatchObject({ kind: 'claim_invalid', claim: 'scope' })
  },
)

test('reads the first scope claim that is present, and no second one', () => {
  expect(scopesFrom({ scope: 'a', scp: ['b'] }, ['scope', 'scp'])).toEqual(['a'])
  expect(scopesFrom({ scp: 'b c' }, ['scope', 'scp'])).toEqual(['b', 'c'])
  expect(scopesFrom({ roles: ['b'] }, ['scope', 'scp'])).toEqual([])
})

test('shares a scope list between tokens only if the lists are equal', () => {
  const { scopes } = judgeTwice({ scope: ['notes:read notes:admin'] }, { scope: 'notes:read notes:admin' })
  expect(scopes).toEqual([['notes:read notes:admin'], ['notes:read', 'notes:admin']])
  const spaced = judgeTwice({ scope: ['a', 'b c'] }, { scope: ['a b', 'c'] })
  expect(spaced.scopes).toEqual([
    ['a', 'b c'],
    ['a b', 'c'],
  ])
  const same = judgeTwice({ scope: 'a b' }, { scope: ['a', 'b'] })
  expect(same.scopes[0]).toBe(same.scopes[1])
})

function judgeTwice(...claims: Record<string, unknown>[]) {
  const decide = createClaimJudge({ audience: { audience: [RESOURCE] } }, 'required', context)
  return { scopes: claims.map(change => decide(ISSUER, { ...CLAIMS, ...change }).scopes) }
}

test('accepts a token for several audiences when one is ours', () => {
  const audience = ['https://as.example.com/userinfo', RESOURCE]
  expect(judge({ aud: audience }).audience).toEqual(audience)
})

test.each([
  [undefined, 'audience_missing'],
  [null, 'audience_missing'],
  [[], 'audience_missing'],
  ['', 'audience_mismatch'],
  [`${RESOURCE}/`, 'audience_mismatch'],
  [RESOURCE.toUpperCase(), 'audience_mismatch'],
  ['https://mcp.example.com', 'audience_mismatch'],
  [['https://other.example.com'], 'audience_mismatch'],
  [7, 'claim_invalid'],
  [{ [RESOURCE]: true }, 'claim_invalid'],
  [[RESOURCE, 7], 'claim_invalid'],
  [[[RESOURCE]], 'claim_invalid'],
])('refuses the audience %j with %s', (aud, kind) => {
  expect(reasonFor({ aud }).kind).toBe(kind)
})

test('binds by client where the provider has no audience', () => {
  const rules: Partial<ClaimRules> = { audience: { clientIds: ['client-1', 'client-2'] } }
  expect(judge({ aud: undefined }, rules).audience).toEqual([])
  expect(reasonFor({ client_id: 'client-3' }, rules)).toEqual({
    kind: 'client_refused',
    actual: 'client-3',
    expected: ['client-1', 'client-2'],
  })
  expect(reasonFor({ client_id: undefined }, rules)).toEqual({ kind: 'claim_missing', claim: 'client_id' })
})

test('requires audience and client when both are configured', () => {
  const rules: Partial<ClaimRules> = { audience: { audience: [RESOURCE], clientIds: ['client-1'] } }
  expect(judge({}, rules).clientId).toBe('client-1')
  expect(reasonFor({ client_id: 'client-2' }, rules).kind).toBe('client_refused')
  expect(reasonFor({ aud: 'https://other.example.com' }, rules).kind).toBe('audience_mismatch')
})

test.each([[{}], [{ audience: [] }], [{ clientIds: [] }], ['https://mcp.example.com/mcp']])(
  'cannot be made with the binding %j',
  audience => {
    expect(() => createClaimJudge({ audience: audience as never }, 'required', context)).toThrow(TypeError)
  },
)

test.each([
  [NOW + 5, undefined],
  [NOW - 4, undefined],
  [NOW - 5, 'expired'],
  [0, 'expired'],
  [-1, 'expired'],
  [1e300, undefined],
  [String(NOW + 60), 'claim_invalid'],
  [Number.NaN, 'claim_invalid'],
  [Number.POSITIVE_INFINITY, 'claim_invalid'],
  [[NOW + 60], 'claim_invalid'],
  [{}, 'claim_invalid'],
  [true, 'claim_invalid'],
  [null, 'claim_missing'],
])('compares exp %j with a tolerance of five seconds: %s', (exp, kind) => {
  if (kind) expect(reasonFor({ exp }).kind).toBe(kind)
  else expect(judge({ exp }).expiresAt).toBe(exp)
})

test.each([
  [0, undefined],
  [NOW + 5, undefined],
  [NOW + 6, 'not_yet_valid'],
  [String(NOW), 'claim_invalid'],
])('compares nbf %j with a tolerance of five seconds: %s', (nbf, kind) => {
  if (kind) expect(reasonFor({ nbf }).kind).toBe(kind)
  else judge({ nbf })
})

test.each([
  [undefined, undefined],
  [NOW + 65, undefined],
  [NOW + 66, 'issued_in_future'],
  ['yesterday', 'claim_invalid'],
])('checks that iat %j is not in the future: %s', (iat, kind) => {
  if (kind === 'issued_in_future') expect(reasonFor({ iat })).toEqual({ kind, issuedAt: iat, now: NOW })
  else if (kind) expect(reasonFor({ iat })).toMatchObject({ kind, claim: 'iat' })
  else judge({ iat })
})

test('refuses a token without client_id', () => {
  const claim = 'client_id'
  expect(reasonFor({ [claim]: undefined })).toEqual({ kind: 'claim_missing', claim })
  expect(reasonFor({ [claim]: '' })).toEqual({ kind: 'claim_missing', claim })
  expect(reasonFor({ [claim]: 7 })).toEqual({ kind: 'claim_invalid', claim, detail: 'not a string' })
})

const MACHINES: Partial<ClaimRules> = { tokensWithoutSubject: 'client' }

test.each([
  [undefined, { kind: 'subject_missing', claim: 'sub' }],
  [null, { kind: 'subject_missing', claim: 'sub' }],
  ['', { kind: 'claim_invalid', claim: 'sub', detail: 'empty' }],
  [7, { kind: 'claim_invalid', claim: 'sub', detail: 'not a string' }],
  [['user-1'], { kind: 'claim_invalid', claim: 'sub', detail: 'not a string' }],
  [{ id: 'user-1' }, { kind: 'claim_invalid', claim: 'sub', detail: 'not a string' }],
])('refuses a token with sub %j, which belongs to nobody', (sub, reason) => {
  expect(reasonFor({ sub })).toEqual(reason)
})

test('names the subject claim in the reason', () => {
  const rules: Partial<ClaimRules> = { subject: ({ uid }) => uid, subjectClaim: 'uid' }
  expect(reasonFor({}, rules)).toEqual({ kind: 'subject_missing', claim: 'uid', personalClaim: 'sub' })
  expect(reasonFor({ uid: '' }, rules)).toMatchObject({ kind: 'claim_invalid', claim: 'uid' })
})

test.each([undefined, null])('accepts a token with sub %j as the client’s own when the options say so', sub => {
  const own = { subject: 'client-1', clientId: 'client-1', principalType: 'service' }
  expect(judge({ sub }, MACHINES)).toMatchObject(own)
  expect(judge({ sub, username: 'client-1' }, MACHINES)).toMatchObject(own)
  expect(judge({ sub, username: null }, MACHINES)).toMatchObject(own)
  expect(judge({ client_id: undefined, azp: 'client-1', sub }, MACHINES)).toMatchObject(own)
})

test.each([[''], [7], [['client-1']]])('never accepts a token with sub %j as the client’s own', sub => {
  expect(reasonFor({ sub }, MACHINES)).toMatchObject({ kind: 'claim_invalid', claim: 'sub' })
})

test.each([
  ['username', 'ada'],
  ['username', ''],
  ['username', 7],
  ['user_name', 'ada'],
  ['user_id', '0b1f'],
  ['preferred_username', 'ada'],
  ['cognito:username', 'ada'],
  ['upn', 'ada@example.com'],
  ['unique_name', 'ada'],
  ['email', 'ada@example.com'],
  ['name', 'Ada'],
  ['nickname', 'ada'],
  ['auth_time', NOW],
  ['given_name', 'Ada'],
  ['family_name', 'Lovelace'],
  ['phone_number', '+44 20 7946 0000'],
  ['sid', 'f0e1d2'],
  ['userId', 7],
  ['userid', 'ada'],
  ['userName', 'ada'],
  ['emailAddress', 'ada@example.com'],
  ['mail', 'ada@example.com'],
  ['nameid', 'S-1-5-21'],
  ['user', { id: 7 }],
  ['act', { sub: 'ada' }],
])('never accepts a token with %s %j as the client’s own', (personalClaim, value) => {
  const reason = reasonFor({ sub: undefined, [personalClaim]: value }, MACHINES)
  expect(reason).toEqual({ kind: 'subject_missing', claim: 'sub', personalClaim })
})

test.each([
  ['username', 'ada'],
  ['preferred_username', 'ada'],
  ['cognito:username', 'ada'],
  ['unique_name', 'ada'],
  ['upn', 'ada@example.com'],
  ['email', 'ada@example.com'],
])('refuses the client’s id as the subject of a person: %s %j', (name, value) => {
  expect(reasonFor({ sub: 'client-1', [name]: value })).toMatchObject({
    kind: 'claim_invalid',
    claim: 'sub',
    detail: expect.stringContaining(name),
  })
  for (const own of ['client-1', '', null]) {
    expect(judge({ sub: 'client-1', [name]: own }).principalType).toBe('service')
  }
  const rules: Partial<ClaimRules> = { principalType: () => 'service' }
  expect(judge({ sub: 'client-1', [name]: value }, rules).subject).toBe('client-1')
})

test('never accepts a token as the client’s own when its sub names somebody and the subject is another claim', () => {
  const rules: Partial<ClaimRules> = { ...MACHINES, subject: ({ uid }) => uid, subjectClaim: 'uid' }
  expect(reasonFor({}, rules)).toEqual({ kind: 'subject_missing', claim: 'uid', personalClaim: 'sub' })
  expect(judge({ sub: 'client-1' }, rules)).toMatchObject({ subject: 'client-1', principalType: 'service' })
})

test('refuses a subject that is the id of another client where client ids are subjects', () => {
  const rules: Partial<ClaimRules> = { ...MACHINES, audience: { clientIds: ['client-1', 'client-2'] } }
  expect(reasonFor({ sub: 'client-2' }, rules)).toEqual({
    kind: 'claim_invalid',
    claim: 'sub',
    detail: 'the id of another client: one of the two needs another name',
  })
  expect(judge({ sub: 'client-3' }, rules).principalType).toBe('user')
  expect(judge({ sub: 'client-1' }, rules).principalType).toBe('service')
})

test.each([
  [{ jkt: 'thumbprint' }, 'jkt'],
  [{ 'x5t#S256': 'thumbprint' }, 'x5t#S256'],
  ['something new', 'something new'],
])('refuses the confirmation %j with sender_constrained', (cnf, confirmation) => {
  expect(reasonFor({ cnf })).toEqual({ kind: 'sender_constrained', confirmation })
})

test('applies the rules of the provider before audience and lifetime', () => {
  const check = () => {
    throw new InvalidTokenError({ kind: 'id_token', detail: 'token_use is id' })
  }
  expect(reasonFor({ aud: 'client-1', exp: 0 }, { check }).kind).toBe('id_token')
})

test('ignores a claim named __proto__', () => {
  const claims = JSON.parse('{"__proto__":{"sub":"admin","scope":"notes:admin"},"constructor":{"name":"x"}}')
  expect(reasonFor({ ...claims, sub: undefined })).toEqual({ kind: 'subject_missing', claim: 'sub' })
  const mapped = judge({ ...claims, scope: undefined })
  expect(mapped.scopes).toEqual([])
  expect(Object.getPrototypeOf(mapped.claims)).toBe(Object.prototype)
})

test('freezes a token completely, even when it is nested 30,000 deep', () => {
  const deep = JSON.parse(`${'['.repeat(30_000)}${']'.repeat(30_000)}`)
  const mapped = judge({ deep, act: { sub: 'agent', chain: [{ sub: 'other' }] } })
  expect(Object.isFrozen(mapped.claims.deep)).toBe(true)
  const { act } = mapped.claims as { act: { chain: object[] } }
  expect([act, act.chain, act.chain[0]].every(Object.isFrozen)).toBe(true)
})

test('clips what it quotes from a token', () => {
  const reason = reasonFor({ aud: `https://other.example.com/\u0007\n${'x'.repeat(1000)}` })
  expect(JSON.stringify(reason).length).toBeLessThan(400)
  expect(JSON.stringify(reason)).not.toMatch(/\\u0007|\\n/)
})
