import { describe, expect, test } from 'vitest'
import { type ClaimRules, type Claims, createClaimJudge } from '../../src/engines/claim-judge.ts'
import type { InvalidTokenError } from '../../src/errors.ts'
import { CLAIMS, createContext, ISSUER, RESOURCE } from './support.ts'

/** Judges the claims of a good access token with changes. */
function judge(change: object, rules: Partial<ClaimRules> = {}, header: Claims = {}) {
  const { context } = createContext(() => expect.fail('no call is needed'))
  const claims = { ...CLAIMS, ...change }
  return createClaimJudge({ audience: { audience: [RESOURCE, 'client-1'] }, ...rules }, 'required', context)(
    ISSUER,
    claims,
    header,
  )
}

function reasonOf(...arguments_: Parameters<typeof judge>) {
  try {
    judge(...arguments_)
  } catch (error) {
    return (error as InvalidTokenError).reason
  }
  return expect.fail('the token was accepted')
}

describe('a token that says what it is', () => {
  test.each([
    { token_use: 'access' },
    { token_use: 'access_token' },
    { token_usage: 'access_token' },
    { token_type: 'Bearer' },
    { token_type: 'DPoP' },
    { token_type: 'BearerToken' },
    { tty: 'at' },
    { token_type: 'access_token' },
    { token_type: 'urn:ietf:params:oauth:token-type:access_token' },
    { typ: 'Bearer' },
    { typ: 'at+jwt' },
    { typ: 'JWT' },
    { type: 'access_token' },
    { type: 'user' },
    { use: 'sig' },
    { purpose: 'access_token' },
    { tokenName: 'access_token' },
    { token_use: null, token_type: null, typ: null, nonce: null, at_hash: null },
    { events: ['login'] },
    { htm: 'POST' },
  ])('accepts a token that says it is an access token: %j', change => {
    expect(judge(change).subject).toBe('user-1')
  })

  // Hydra and Ory, Keycloak, OpenIddict, Glewlwyd, Curity, ForgeRock, UAA, RFC 8693, RFC 8417, RFC 9449, RFC 9701.
  test.each([
    { token_use: 'refresh_token' },
    { token_use: 'something' },
    { token_use: 7 },
    { token_usage: 'refresh_token' },
    { token_type: 'refresh_token' },
    { token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
    { token_type: 'N_A' },
    { token_type: '' },
    { typ: 'Refresh' },
    { typ: 'Offline' },
    { typ: 'Logout' },
    { typ: 'logout+jwt' },
    { type: 'refresh_token' },
    { type: 'code' },
    { use: 'refresh' },
    { purpose: 'refresh_token' },
    { tokenType: 'refresh_token' },
    { tokenName: 'refresh_token' },
    { typ: 'RegistrationAccessToken' },
    { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    { htm: 'POST', htu: RESOURCE },
    { token_introspection: { active: true } },
    { granted_scopes: ['notes:read'], scope: undefined },
  ])('refuses a token that says it is another kind: %j', change => {
    expect(reasonOf(change)).toMatchObject({ kind: 'type_mismatch', expected: ['an access token'] })
  })

  test.each([
    { token_use: 'id' },
    { token_usage: 'id_token' },
    { token_type: 'id_token' },
    { token_type: 'urn:ietf:params:oauth:token-type:id_token' },
    { typ: 'ID' },
    { type: 'id_token' },
    { use: 'id' },
    { tokenName: 'id_token' },
    { tokenType: 'JWTToken' },
    { tty: 'id' },
    { nonce: 'n-0S6_WzA2Mj' },
    { nonce: '' },
    { at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' },
    { c_hash: 'LDktKdoQak3Pk0cnXxCltA' },
    { s_hash: '76sa5dd' },
  ])('refuses a token as an ID token with %j', change => {
    expect(reasonOf(change).kind).toBe('id_token')
  })
})

describe('a token whose only audience is its client', () => {
  test.each([
    { aud: 'client-1' },
    { aud: ['client-1'] },
    { aud: ['client-1', 'client-1'] },
    { aud: ['client-1', 'app'], azp: 'app' },
    { aud: 'app', client_id: undefined, azp: 'app' },
    { aud: ['client-1', 'account'] },
  ])('refuses a token as a possible ID token when its only audience is its client: %j', change => {
    const rules = { audience: { audience: ['client-1', 'app'] } } as const
    expect(reasonOf(change, rules).kind).toBe('maybe_id_token')
    expect(reasonOf(change, rules, { typ: 'JWT' }).kind).toBe('maybe_id_token')
  })

  test('refuses a possible ID token whatever claim holds its client', () => {
    const rules: Partial<ClaimRules> = { clientId: ({ appid }) => appid }
    const change = { aud: 'client-1', client_id: undefined, appid: 'client-1' }
    expect(reasonOf(change, rules).kind).toBe('maybe_id_token')
  })

  test.each([
    [{ token_use: 'access' }, {}],
    [{ typ: 'Bearer' }, {}],
    [{ type: 'access_token' }, {}],
    [{ token_type: 'Bearer' }, {}],
    [{}, { typ: 'at+jwt' }],
    [{}, { typ: 'application/at+jwt' }],
  ])('accepts it when the provider marks it as an access token: %j %j', (change, header) => {
    expect(judge({ aud: 'client-1', ...change }, {}, header).subject).toBe('user-1')
  })

  test('accepts it with a second audience', () => {
    expect(judge({ aud: ['client-1', RESOURCE] }).subject).toBe('user-1')
  })
})

describe('marks that are allowed', () => {
  test('ignores allowed marks, and checks the others', () => {
    const rules: Partial<ClaimRules> = { tokenKind: { allowedMarks: ['nonce'] } }
    expect(judge({ nonce: 'n' }, rules).subject).toBe('user-1')
    expect(reasonOf({ nonce: 'n', at_hash: 'h' }, rules)).toEqual({ kind: 'id_token', detail: 'it carries at_hash' })
    expect(reasonOf({ nonce: 'n', aud: 'client-1' }, rules).kind).toBe('maybe_id_token')
    expect(judge({ aud: 'client-1' }, { tokenKind: { allowedMarks: ['aud'] } }).subject).toBe('user-1')
    expect(reasonOf({ nonce: 'n', token_use: 'id' }, rules)).toEqual({ kind: 'id_token', detail: 'token_use is id' })
  })

  test('still refuses marks of ID tokens beside a mark of access tokens', () => {
    expect(reasonOf({ nonce: 'n', token_use: 'access' }, {}, { typ: 'at+jwt' }).kind).toBe('id_token')
    expect(reasonOf({ at_hash: 'h' }, { tokenKind: { isAccessToken: () => true } }).kind).toBe('id_token')
  })
})

test('skips the checks for a caller that makes its own', () => {
  expect(judge({ nonce: 'n', aud: 'client-1', token_use: 'id' }, { tokenKind: null }).subject).toBe('user-1')
})
