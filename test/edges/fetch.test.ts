import { describe, expect, it } from 'vitest'
import { bearerFetch } from '../../src/edges/fetch.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import type { TokenValidator } from '../../src/token-validator.ts'
import { acceptedToken } from '../support/tokens.ts'

const resource = 'https://mcp.example.com/mcp'
const metadataUrl = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp'
const endpoint = 'https://issuer.example/introspect'
const accepts = () => Promise.resolve(acceptedToken())
const refuses = (error: Error) => () => Promise.reject(error)

function handlerWith(validate: TokenValidator['validate'], requiredScopes = ['notes:read']) {
  const validator: TokenValidator = {
    issuers: ['https://issuer.example'],
    warmUp: () => Promise.resolve(),
    validate,
    verifyAccessToken: () => Promise.reject(new Error('not asked')),
  }
  return bearerFetch({ validator, resource, requiredScopes }, (_request, { token, authInfo }) =>
    Response.json({ subject: token.subject, raw: authInfo.token, resource: authInfo.resource.href }),
  )
}

const request = (headers: Record<string, string>, url = resource) => new Request(url, { method: 'POST', headers })
const withToken = () => request({ Authorization: 'Bearer abc' })

describe('bearerFetch', () => {
  it('passes on a request with a good token, and what the SDKs want to know of it', async () => {
    const response = await handlerWith(accepts)(withToken())
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ subject: 'user-1', raw: 'abc', resource })
  })

  it('sends a bare challenge when Authorization is absent', async () => {
    const response = await handlerWith(accepts)(request({}))
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${metadataUrl}", scope="notes:read"`,
    )
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it.each([
    ['a token in the query', request({}, `${resource}?access_token=abc`)],
    ['no token after the scheme', request({ Authorization: 'Bearer ,' })],
    ['two Authorization headers', request({ Authorization: 'Bearer abc, Bearer def' })],
  ])('answers 400 invalid_request to %s', async (_case, malformed) => {
    const response = await handlerWith(accepts)(malformed)
    expect(response.status).toBe(400)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_request"')
  })

  it.each([
    [401, 'invalid_token', new InvalidTokenError({ kind: 'inactive' }), 'www-authenticate'],
    [
      503,
      'temporarily_unavailable',
      new ValidatorUnavailableError({ kind: 'provider_timeout', endpoint, seconds: 5 }),
      'retry-after',
    ],
    [
      500,
      'server_error',
      new MisconfigurationError({ kind: 'own_credentials_refused', endpoint, status: 401 }),
      'x-request-id',
    ],
    [500, 'server_error', new TypeError('a bug'), 'x-request-id'],
  ])('answers %i %s when the validator throws that', async (status, error, thrown, header) => {
    const response = await handlerWith(refuses(thrown))(withToken())
    expect(response.status).toBe(status)
    expect(response.headers.has(header)).toBe(true)
    expect(response.headers.has('www-authenticate')).toBe(status === 401)
    expect(await response.json()).toMatchObject({ error, request_id: expect.any(String) })
  })

  it('answers 403 with the scopes of the operation when the token lacks one', async () => {
    const response = await handlerWith(accepts, ['notes:read', 'notes:write'])(withToken())
    expect(response.status).toBe(403)
    const challenge = response.headers.get('www-authenticate')
    expect(challenge).toContain('error="insufficient_scope"')
    expect(challenge).toContain('scope="notes:read notes:write"')
  })

  it('serves the protected resource metadata without a token', async () => {
    const response = await handlerWith(accepts)(new Request(metadataUrl))
    expect(await response.json()).toEqual({
      resource,
      authorization_servers: ['https://issuer.example'],
      scopes_supported: ['notes:read'],
      bearer_methods_supported: ['header'],
    })
  })

  it('asks for a token wherever the metadata is not', async () => {
    expect((await handlerWith(accepts)(new Request(`${metadataUrl}/more`))).status).toBe(401)
  })
})
