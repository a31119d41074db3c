import { describe, expect, it } from 'vitest'
import { presentedToken } from '../../src/bearer/credentials.ts'
import { refusal } from '../../src/bearer/refusal.ts'
import {
  InsufficientScopeError,
  InvalidRequestError,
  InvalidTokenError,
  MisconfigurationError,
  MissingTokenError,
  ValidatorUnavailableError,
} from '../../src/errors.ts'

const request = (authorization: string | undefined, url = '/mcp', authorizationCount = authorization ? 1 : 0) =>
  presentedToken({ authorization, authorizationCount, url }, 'Bearer')

function thrown(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('presentedToken', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER abc', 'abc'],
    ['Bearer   abc', 'abc'],
    ['Bearer a.b-c_d~e+f/g==', 'a.b-c_d~e+f/g=='],
  ])('takes the token from %j', (header, token) => {
    expect(request(header)).toBe(token)
  })

  it.each([[undefined], [''], ['Basic dXNlcjpwYXNz'], ['Bearerabc'], ['DPoP abc']])(
    'finds no credentials in %j',
    header => {
      const error = thrown(() => request(header))
      expect(error).toBeInstanceOf(MissingTokenError)
      expect(error).toMatchObject({ reason: { kind: 'no_credentials' } })
    },
  )

  it.each([
    ['Bearer', 'no token after "Bearer"'],
    ['Bearer ', 'no token after "Bearer"'],
    ['Bearer    ', 'no token after "Bearer"'],
    ['Bearer abc def', 'more than one token after "Bearer"'],
    ['Bearer abc, Bearer def', 'more than one token after "Bearer"'],
    ['Bearer abc,def', 'more than one token after "Bearer"'],
  ])('refuses the header %j as malformed', (header, detail) => {
    const error = thrown(() => request(header))
    expect(error).toBeInstanceOf(InvalidRequestError)
    expect(error).toMatchObject({ reason: { kind: 'authorization_malformed', detail } })
  })

  it('refuses a second Authorization header', () => {
    expect(thrown(() => request('Bearer abc', '/mcp', 2))).toMatchObject({ reason: { kind: 'several_credentials' } })
  })

  it.each(['/mcp?access_token=abc', '/mcp?x=1&access_token=abc', '/mcp?access%5Ftoken=abc', '/mcp?access_token'])(
    'refuses a token in the query of %s',
    url => {
      expect(thrown(() => request(undefined, url))).toMatchObject({ reason: { kind: 'token_in_query' } })
      expect(thrown(() => request('Bearer abc', url))).toMatchObject({ reason: { kind: 'several_credentials' } })
    },
  )

  it('ignores other query parameters', () => {
    expect(request('Bearer abc', '/mcp?session=1')).toBe('abc')
  })
})

describe('refusal', () => {
  const options = {
    resourceMetadataUrl: 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp',
    initialScopes: ['notes:read'],
  }
  const metadata = 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"'
  const answer = (error: unknown) => refusal(error, 'id-1', options)

  it('challenges without an error code when there were no credentials', () => {
    const { status, headers, body } = answer(new MissingTokenError())
    expect(status).toBe(401)
    expect(headers['WWW-Authenticate']).toBe(`Bearer ${metadata}, scope="notes:read"`)
    expect(body).toEqual({ error_description: expect.any(String), request_id: 'id-1' })
  })

  it('answers 400 invalid_request when credentials are presented wrongly', () => {
    const { status, headers, body } = answer(new InvalidRequestError({ kind: 'token_in_query' }))
    expect(status).toBe(400)
    expect(headers['WWW-Authenticate']).toContain('error="invalid_request"')
    expect(body).toHaveProperty('error', 'invalid_request')
  })

  it('answers 401 invalid_token without the private reason', () => {
    const { status, headers, body } = answer(
      new InvalidTokenError({ kind: 'audience_mismatch', actual: ['https://other.example'], expected: ['https://x'] }),
    )
    expect(status).toBe(401)
    expect(headers['WWW-Authenticate']).toContain('Bearer error="invalid_token"')
    expect(headers['WWW-Authenticate']).toContain(metadata)
    expect(JSON.stringify({ headers, body })).not.toMatch(/audience_mismatch|other\.example/)
  })

  it('answers 403 insufficient_scope with the scopes of the operation', () => {
    const { status, headers } = answer(new InsufficientScopeError(['notes:write', 'notes:admin'], ['notes:read']))
    expect(status).toBe(403)
    expect(headers['WWW-Authenticate']).toContain('error="insufficient_scope"')
    expect(headers['WWW-Authenticate']).toContain('scope="notes:write notes:admin"')
    expect(headers['WWW-Authenticate']).toContain(metadata)
  })

  it('answers 403 without a challenge when no sign-in could add the scopes', () => {
    const error = new InsufficientScopeError(['notes:write'], ['notes:read'])
    const { status, headers, body } = refusal(error, 'id-1', { ...options, wireScopes: () => [] })
    expect(status).toBe(403)
    expect(headers).not.toHaveProperty('WWW-Authenticate')
    expect(body).toEqual({
      error: 'insufficient_scope',
      error_description: expect.stringContaining('Signing in again does not add them.'),
      request_id: 'id-1',
    })
  })

  it('answers 503 with Retry-After and without a challenge when the provider cannot be reached', () => {
    const reason = { kind: 'provider_timeout', endpoint: 'https://idp.example/introspect', seconds: 5 } as const
    const { status, headers, body } = answer(new ValidatorUnavailableError(reason, { retryAfterSeconds: 7.2 }))
    expect(status).toBe(503)
    expect(headers).not.toHaveProperty('WWW-Authenticate')
    expect(headers['Retry-After']).toBe('8')
    expect(body).toHaveProperty('error', 'temporarily_unavailable')
  })

  it.each([
    [undefined, '5'],
    [0, '1'],
    [-3, '1'],
    [86_400, '300'],
    [Number.NaN, '5'],
  ])('sends a Retry-After within bounds when the provider asked for %s seconds', (retryAfterSeconds, header) => {
    const reason = { kind: 'provider_throttled', endpoint: 'https://idp.example', status: 429 } as const
    expect(answer(new ValidatorUnavailableError(reason, { retryAfterSeconds })).headers['Retry-After']).toBe(header)
  })

  it.each([
    new MisconfigurationError({ kind: 'own_credentials_refused', endpoint: 'https://idp.example', status: 401 }),
    new TypeError('a bug with details'),
    'not even an error',
  ])('answers 500 without a challenge and without detail to %s', error => {
    const { status, headers, body } = answer(error)
    expect(status).toBe(500)
    expect(headers).not.toHaveProperty('WWW-Authenticate')
    expect(body).toHaveProperty('error', 'server_error')
    expect(JSON.stringify(body)).not.toMatch(/details|idp\.example/)
  })

  it('exposes the challenge to browsers and forbids caching on every refusal', () => {
    for (const error of [new MissingTokenError(), new InsufficientScopeError(['a'], []), new Error('bug')]) {
      const { headers } = answer(error)
      expect(headers['Access-Control-Expose-Headers']).toContain('WWW-Authenticate')
      expect(headers['Cache-Control']).toBe('no-store')
    }
  })

  it('escapes characters that could end a header parameter', () => {
    const { headers } = refusal(new InsufficientScopeError(['a"b\\c\r\nX: y'], []), 'id', options)
    expect(headers['WWW-Authenticate']).toContain('scope="a\\"b\\\\cX: y"')
  })

  it('sends identical bytes for the same cause, so that clients notice a useless step-up', () => {
    const first = refusal(new InsufficientScopeError(['a'], []), 'id-1', options).headers['WWW-Authenticate']
    expect(refusal(new InsufficientScopeError(['a'], []), 'id-2', options).headers['WWW-Authenticate']).toBe(first)
  })
})
