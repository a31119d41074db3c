import {
  InsecureTokenEndpointError,
  InsufficientScopeError,
  IssuerMismatchError,
  OAuthError,
  RegistrationRejectedError,
  SdkErrorCode,
  SdkHttpError,
} from '@modelcontextprotocol/client'
import { describe, expect, it } from 'vitest'
import { DiscoveryError } from '../../../app/client/authorizer.ts'
import { explainError, OAUTH_ERRORS } from '../../../app/client/explain-error.ts'
import { NoAnswerError } from '../../../app/client/guarded-fetch.ts'

// Every code of the documents that a client of MCP meets; the lists are theirs.
const CODES = {
  'RFC 6749 §4.1.2.1': [
    'invalid_request',
    'unauthorized_client',
    'access_denied',
    'unsupported_response_type',
    'invalid_scope',
    'server_error',
    'temporarily_unavailable',
  ],
  'RFC 6749 §5.2': ['invalid_client', 'invalid_grant', 'unsupported_grant_type'],
  'RFC 6750 §3.1': ['invalid_token', 'insufficient_scope'],
  'RFC 7591 §3.2.2': [
    'invalid_redirect_uri',
    'invalid_client_metadata',
    'invalid_software_statement',
    'unapproved_software_statement',
  ],
  'RFC 8628 §3.5': ['authorization_pending', 'slow_down', 'expired_token'],
  'RFC 8707 §2': ['invalid_target'],
  'RFC 9449': ['invalid_dpop_proof', 'use_dpop_nonce'],
  'RFC 9470 §3': ['insufficient_user_authentication'],
  'OpenID Connect Core §3.1.2.6': [
    'interaction_required',
    'login_required',
    'account_selection_required',
    'consent_required',
  ],
}

describe.each(Object.entries(CODES))('%s', (_document, codes) => {
  it.each(codes)('%s is explained, with what to do', code => {
    const { cure, what } = explainError(new OAuthError(code, 'said by the server'))
    expect(what).toContain(OAUTH_ERRORS[code]?.what)
    expect(cure).toMatch(/[A-Z].{10,}\.$/)
    if (code !== 'server_error') expect(what).toContain('It says: said by the server')
  })
})

it('an unknown code is shown as it is', () => {
  expect(explainError(new OAuthError('AADSTS50011', 'The redirect URI does not match'))).toMatchObject({
    code: 'AADSTS50011',
    what: 'The authorization server refused. It says: The redirect URI does not match',
  })
})

it('text of servers loses control characters, and is cut short', () => {
  const { what } = explainError(new OAuthError('invalid_grant', `\u001b[31mred\u202e${'x'.repeat(1000)}`))
  expect(what).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  expect(what.length).toBeLessThan(450)
})

it('a body that is no answer of OAuth is not shown', () => {
  const { what } = explainError(new OAuthError('server_error', 'HTTP 500: raw body with secrets'))
  expect(what).not.toContain('raw body')
})

it('what an attacker put into a mix-up is not shown', () => {
  const error = new IssuerMismatchError('authorization_response', 'https://id.example.com', 'https://evil.example')
  const { code, what } = explainError(error)
  expect(code).toBe('issuer_mismatch')
  expect(what).not.toContain('evil')
  expect(explainError(new IssuerMismatchError('metadata', 'https://id.example.com', 'x')).what).toContain(
    'https://id.example.com',
  )
})

it('a refused registration is explained by its error, and by its status without one', () => {
  const rejected = (body: string) =>
    new RegistrationRejectedError({ status: 403, body, submittedMetadata: { redirect_uris: [] } })
  expect(explainError(rejected('{"error":"invalid_redirect_uri"}'))).toMatchObject({ code: 'invalid_redirect_uri' })
  expect(explainError(rejected('<html>')).what).toContain('status 403')
  expect(explainError(rejected('null')).cure).toContain('--client-id')
  const auth0 = '{"statusCode":400,"error":"Bad Request","message":"dynamic client registration is disabled"}'
  expect(explainError(rejected(auth0)).cure).toContain('--client-id')
})

it('missing scopes are named', () => {
  const { what, cure } = explainError(new InsufficientScopeError({ requiredScope: 'notes:admin' }))
  expect(what).toContain('notes:admin')
  expect(cure).toContain('or this machine')
})

it.each([
  [401, 'does not accept the token'],
  [403, 'did not say why'],
  [302, 'sends its clients on, which is not followed'],
  [404, 'no MCP endpoint'],
  [405, 'takes no POST'],
  [429, 'too often'],
  [503, 'at the moment'],
])('status %i: %s', (status, words) => {
  const error = new SdkHttpError(SdkErrorCode.ClientHttpFailedToOpenStream, 'failed', { status })
  expect(explainError(error).what).toContain(words)
})

it('a redirect says where to, and that it may be a sign-in page', () => {
  const said =
    'Error POSTing to endpoint: Redirect to https://sso.example.com/login not followed; use that URL as the endpoint if it is the intended server'
  const error = new SdkHttpError(SdkErrorCode.ClientHttpFailedToOpenStream, said, { status: 302 })
  const { what, cure } = explainError(error)
  expect(what).toContain('to https://sso.example.com/login, which is not followed')
  expect(cure).toContain('If it is a sign-in page')
})

it.each(['ECONNREFUSED', 'ENOTFOUND', 'CERT_HAS_EXPIRED', 'UND_ERR_CONNECT_TIMEOUT'])(
  '%s, however deep, is a server that cannot be reached',
  code => {
    const cause = new TypeError('fetch failed', { cause: Object.assign(new Error('deep'), { code }) })
    expect(explainError(new Error('wrapped', { cause })).what).toBe(`The server cannot be reached: ${code}.`)
  },
)

it.each([
  ['http://localhost:3000/mcp names no metadata', 'http://localhost:3000/mcp names no metadata.'],
  ['the metadata is of another resource', 'The metadata is of another resource.'],
])('%s: a sentence, with URLs as they are', (message, what) => {
  expect(explainError(new DiscoveryError(message)).what).toBe(what)
})

it('an authorization server that cannot be reached is named, so that nobody looks at the MCP server', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  const away = new NoAnswerError('http://localhost:4000', new TypeError('fetch failed', { cause: refused }))
  expect(explainError(new Error('wrapped', { cause: away }))).toEqual({
    what: 'The authorization server http://localhost:4000, which the MCP server names, cannot be reached: ECONNREFUSED.',
    cure: 'Check that it is running. If it has another address, the setting of the MCP server is wrong: tell its operator.',
  })
})

it('a failure of fetch without a code keeps its words', () => {
  const cause = new TypeError('fetch failed', { cause: new Error('bad port') })
  const wrapped = Object.assign(new Error('negotiation failed', { cause }), { code: 'ERA_NEGOTIATION_FAILED' })
  expect(explainError(wrapped).what).toBe('The server cannot be reached: bad port.')
})

it('a token endpoint without TLS is for the operator', () => {
  expect(explainError(new InsecureTokenEndpointError('http://id.example.com/token')).cure).toContain('operator')
})

it('anything else keeps its message', () => {
  expect(explainError(new Error('something else'))).toEqual({ what: 'Something else.' })
})
