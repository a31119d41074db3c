import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type ClientCredentials,
  createIntrospectionValidator,
  type IntrospectionValidatorOptions,
} from '../../src/engines/introspection.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import { CLAIMS, createContext, createProvider, type Handler, ISSUER, NOW, RESOURCE, refusalOf } from './support.ts'

const METADATA = 'https://as.example.com/.well-known/oauth-authorization-server'
const ENDPOINT = 'https://as.example.com/introspect'
const SECRET = 'introspection-s3cr3t'
const CREDENTIALS = { method: 'client_secret_basic', clientId: 'mcp-server', clientSecret: SECRET } as const
const ACTIVE = { active: true, ...CLAIMS, token_type: 'Bearer' }

/** A validator on a provider by injected fetch that answers introspections with `handler`. */
function createValidator(handler: Handler, options: Partial<IntrospectionValidatorOptions> = {}, cacheSeconds = 60) {
  const provider = createProvider({
    [METADATA]: () => Response.json({ issuer: ISSUER, introspection_endpoint: ENDPOINT }),
    [ENDPOINT]: handler,
  })
  const { context, seen, advance } = createContext(provider.fetch, { cacheSeconds })
  const validator = createIntrospectionValidator(
    { issuer: ISSUER, audience: { audience: [RESOURCE] }, credentials: CREDENTIALS, ...options },
    context,
  )
  return { validator, provider, seen, advance }
}

const answering = (answer: object, options?: Partial<IntrospectionValidatorOptions>) =>
  createValidator(() => Response.json(answer), options).validator.validate('token')

describe('an active answer', () => {
  test('maps an active response to a validated token', async () => {
    expect(await answering(ACTIVE)).toMatchObject({
      issuer: ISSUER,
      subject: 'user-1',
      clientId: 'client-1',
      scopes: ['notes:read', 'notes:write'],
      audience: [RESOURCE],
      expiresAt: NOW + 3600,
      principalType: 'user',
    })
  })

  test('accepts a response without exp for the cache time', async () => {
    expect((await answering({ ...ACTIVE, exp: undefined })).expiresAt).toBe(NOW + 60)
  })

  test('refuses a response without sub, unless the options say that it is the client’s own', async () => {
    const answer = { ...ACTIVE, sub: undefined }
    expect((await refusalOf(answering(answer))).reason).toEqual({ kind: 'subject_missing', claim: 'sub' })
    expect(await answering(answer, { tokensWithoutSubject: 'client' })).toMatchObject({
      subject: 'client-1',
      principalType: 'service',
    })
  })

  test('uses the configured issuer for a response without iss', async () => {
    expect((await answering({ ...ACTIVE, iss: undefined })).issuer).toBe(ISSUER)
  })

  test('treats null as absent for iss and token_type', async () => {
    expect((await answering({ ...ACTIVE, iss: null, token_type: null, exp: null, nbf: null })).issuer).toBe(ISSUER)
  })

  test.each([['bearer'], ['BEARER'], [undefined]])('accepts the token_type %j', async token_type => {
    expect((await answering({ ...ACTIVE, token_type })).subject).toBe('user-1')
  })

  test.each([
    [{ token_use: 'refresh_token' }, 'type_mismatch'],
    [{ typ: 'Refresh' }, 'type_mismatch'],
    [{ token_type: 'id_token' }, 'id_token'],
    [{ nonce: 'n' }, 'id_token'],
    [{ aud: 'client-1', token_type: undefined }, 'maybe_id_token'],
    [{ iss: `${ISSUER}/` }, 'issuer_mismatch'],
    [{ iss: 7 }, 'issuer_mismatch'],
    [{ aud: undefined }, 'audience_missing'],
    [{ aud: ['https://other.example.com'] }, 'audience_mismatch'],
    [{ exp: NOW - 60 }, 'expired'],
    [{ exp: String(NOW + 60) }, 'claim_invalid'],
    [{ nbf: NOW + 60 }, 'not_yet_valid'],
    [{ token_type: 'DPoP' }, 'sender_constrained'],
    [{ token_type: 'dpop' }, 'sender_constrained'],
    [{ token_type: 'refresh_token' }, 'type_mismatch'],
    [{ token_type: 7 }, 'type_mismatch'],
    [{ cnf: { jkt: 'thumbprint' } }, 'sender_constrained'],
    [{ client_id: undefined }, 'claim_missing'],
    [{ sub: undefined, username: 'ada' }, 'subject_missing'],
    [{ sub: null }, 'subject_missing'],
    [{ sub: '' }, 'claim_invalid'],
    [{ sub: 7 }, 'claim_invalid'],
    [{ scope: 7 }, 'claim_invalid'],
  ])('refuses a response with %j as %s', async (change, kind) => {
    const error = await refusalOf(answering({ ...ACTIVE, ...change }))
    expect(error).toBeInstanceOf(InvalidTokenError)
    expect(error.reason.kind).toBe(kind)
  })
})

test('refuses an inactive response as inactive, whatever else it contains', async () => {
  expect((await refusalOf(answering({ ...ACTIVE, active: false }))).reason).toEqual({ kind: 'inactive' })
})

describe('a response without a mark of access tokens', () => {
  // As oidc-provider 9.13.3 answered with its stock settings, for other times and under the resource of the tests.
  const REFRESH = {
    active: true,
    sub: 'made-up-ada',
    client_id: 'cli',
    exp: NOW + 1_206_000,
    iat: NOW - 3600,
    iss: ISSUER,
    aud: RESOURCE,
    scope: 'openid notes:read offline_access',
  }
  const ACCESS = { ...REFRESH, exp: NOW + 3600, token_type: 'Bearer' }

  function server(options: Partial<IntrospectionValidatorOptions> = {}, access: object = ACCESS) {
    const handler: Handler = async request => {
      const token = new URLSearchParams(await request.text()).get('token')
      return Response.json(token?.startsWith('access') ? access : token === 'refresh' ? REFRESH : { active: false })
    }
    return createValidator(handler, options, 0).validator
  }

  test('refuses it with type_mismatch after another response had token_type', async () => {
    const validator = server()
    await validator.warmUp()
    await validator.validate('access-1')
    expect((await refusalOf(validator.validate('refresh'))).reason).toEqual({
      kind: 'type_mismatch',
      actual: '(no token_type)',
      expected: ['Bearer', 'DPoP'],
    })
    await validator.validate('access-2')
  })

  test.each([{ token_use: 'access_token' }, { typ: 'Bearer' }, { token_type: undefined, type: 'access_token' }])(
    'refuses it after another response had %j',
    async sign => {
      const validator = server({}, { ...REFRESH, ...sign })
      await validator.validate('access-1')
      expect((await refusalOf(validator.validate('refresh'))).reason.kind).toBe('type_mismatch')
    },
  )

  // As the Okta of emulate 0.12.2 answered.
  test('reports the kind of token when the response names another kind', async () => {
    const handler: Handler = async request => {
      const isRefresh = (await request.text()).includes('token=refresh')
      return Response.json(isRefresh ? { ...REFRESH, token_type: 'refresh_token' } : ACCESS)
    }
    const { validator } = createValidator(handler, {}, 0)
    await validator.validate('access-1')
    const { reason } = await refusalOf(validator.validate('refresh'))
    expect(reason).toMatchObject({ kind: 'type_mismatch', actual: 'token_type refresh_token' })
  })

  test('refuses it after a response about an access token for another server', async () => {
    const validator = server({}, { ...ACCESS, aud: 'https://other.example.com/mcp' })
    expect((await refusalOf(validator.validate('access-1'))).reason.kind).toBe('audience_mismatch')
    expect((await refusalOf(validator.validate('refresh'))).reason.kind).toBe('type_mismatch')
  })

  test('refuses it from the first request on when the options require a mark', async () => {
    const validator = server({ requireTokenType: true })
    expect((await refusalOf(validator.validate('refresh'))).reason.kind).toBe('type_mismatch')
  })

  // LemonLDAP::NG 2.16.1 and Django OAuth Toolkit 1.7.0 name no type at all; their endpoints know access tokens only.
  test('accepts it while no response had a mark, and when the options require none', async () => {
    const { token_type: _, ...access } = ACCESS
    const silent = server({}, access)
    for (const token of ['access-1', 'access-2']) expect((await silent.validate(token)).subject).toBe('made-up-ada')
    const mixed = server({ requireTokenType: false })
    await mixed.validate('access-1')
    await mixed.validate('refresh')
  })
})

describe('a token that names its issuer', () => {
  const text = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const jwt = (iss: unknown) => `${text({ alg: 'RS256' })}.${text({ iss })}.c2ln`
  const encrypted = (iss: string) => `${text({ alg: 'dir', enc: 'A256GCM', iss })}..aXY.Y2lwaGVy.dGFn`
  const OTHER = 'https://other.example.com'

  test.each([
    ['a JWT', jwt(OTHER)],
    ['an encrypted token', encrypted(OTHER)],
  ])('refuses %s of another issuer without asking the endpoint', async (_label, token) => {
    const { validator, provider } = createValidator(() => Response.json(ACTIVE))
    const { reason } = await refusalOf(validator.validate(token))
    expect(reason).toEqual({ kind: 'issuer_mismatch', actual: OTHER, expected: [ISSUER] })
    expect(provider.requests).toEqual([])
  })

  test.each([
    ['of the issuer', jwt(ISSUER)],
    ['of the issuer with a slash more', jwt(`${ISSUER}/`)],
    ['of nobody', jwt(undefined)],
    ['of an issuer that is no text', jwt([OTHER])],
    ['without anything to read', 'a.b.c'],
    ['that is opaque', 'opaque'],
  ])('asks the endpoint about a token %s', async (_label, token) => {
    const { validator, provider } = createValidator(() => Response.json(ACTIVE))
    await validator.validate(token)
    expect(provider.requests.length).toBeGreaterThan(0)
  })

  test('asks the endpoint about tokens of the configured access token issuers', async () => {
    const { validator } = createValidator(() => Response.json({ ...ACTIVE, iss: OTHER }), {
      accessTokenIssuers: [OTHER],
    })
    await validator.validate(jwt(OTHER))
  })
})

test('lets an adapter replace a reason by one that names the fix', async () => {
  const reason = { kind: 'okta.org_server', detail: 'inactive', cure: 'Use a custom authorization server.' } as const
  const error = await refusalOf(
    answering({ active: false }, { explain: ({ kind }) => (kind === 'inactive' ? reason : undefined) }),
  )
  expect(error.reason).toEqual(reason)
})

test('binds by client when responses have no audience', async () => {
  const audience = { clientIds: ['client-1'] } as const
  expect((await answering({ ...ACTIVE, aud: undefined }, { audience })).audience).toEqual([])
  const error = await refusalOf(answering({ ...ACTIVE, client_id: 'client-2' }, { audience }))
  expect(error.reason.kind).toBe('client_refused')
})

describe('responses that say nothing about the token', () => {
  test.each([
    ['active as a string', () => Response.json({ ...ACTIVE, active: 'true' })],
    ['no active', () => Response.json({ ...ACTIVE, active: undefined })],
    ['an array', () => Response.json([ACTIVE])],
    ['null', () => Response.json(null)],
    ['an empty body', () => new Response('')],
    ['truncated JSON', () => new Response('{"active":true,"aud":"https://mcp')],
    ['a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['too much', () => Response.json({ ...ACTIVE, padding: 'x'.repeat(70_000) })],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://as.example.com/login' } })],
    ['429', () => new Response('', { status: 429 })],
    ['500', () => Response.json(ACTIVE, { status: 500 })],
    ['503', () => new Response('', { status: 503 })],
  ])('answers 503 when the response is not about the token: %s', async (_label, handler) => {
    const error = await refusalOf(createValidator(handler).validator.validate('token'))
    expect(error).toBeInstanceOf(ValidatorUnavailableError)
  })

  test('reads a JSON response with a wrong content type', async () => {
    const handler = () => new Response(JSON.stringify(ACTIVE), { headers: { 'content-type': 'text/plain' } })
    expect((await createValidator(handler).validator.validate('token')).subject).toBe('user-1')
  })

  test('answers 503 when the response is signed, because we asked for JSON', async () => {
    const headers = { 'content-type': 'application/token-introspection+jwt' }
    const handler = () => new Response('eyJhbGciOiJub25lIn0.e30.', { headers })
    const error = await refusalOf(createValidator(handler).validator.validate('token'))
    expect(error.reason.kind).toBe('provider_answer_unusable')
  })

  test('keeps a cached token while the endpoint fails, and accepts it again afterwards', async () => {
    let handler: Handler = () => Response.json(ACTIVE)
    const { validator, advance } = createValidator(request => handler(request))
    await validator.validate('token')
    handler = () => new Response('', { status: 503 })
    await validator.validate('token')
    advance(60)
    expect(await refusalOf(validator.validate('token'))).toBeInstanceOf(ValidatorUnavailableError)
    handler = () => Response.json(ACTIVE)
    advance(1)
    await validator.validate('token')
  })
})

describe('responses about our own credentials', () => {
  test.each([
    ['401', () => new Response('Unauthorized', { status: 401 }), 'own_credentials_refused', undefined],
    [
      '401 with a challenge',
      () =>
        Response.json(
          { error: 'invalid_client' },
          { status: 401, headers: { 'www-authenticate': 'Basic realm="as"' } },
        ),
      'own_credentials_refused',
      'invalid_client',
    ],
    [
      '400 invalid_client',
      () => Response.json({ error: 'invalid_client' }, { status: 400 }),
      'own_credentials_refused',
      'invalid_client',
    ],
    [
      '400 invalid_request',
      () => Response.json({ error: 'invalid_request' }, { status: 400 }),
      'endpoint_refused_request',
      'invalid_request',
    ],
    ['403', () => new Response('', { status: 403 }), 'endpoint_refused_request', undefined],
    ['404', () => new Response('<html>', { status: 404 }), 'endpoint_refused_request', undefined],
    [
      'an error that quotes',
      () => Response.json({ error: `bad secret ${SECRET}` }, { status: 401 }),
      'own_credentials_refused',
      undefined,
    ],
  ])('blames our settings and not the token: %s', async (_label, handler, kind, code) => {
    const { validator, seen } = createValidator(handler)
    const error = await refusalOf(validator.validate('token'))
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toMatchObject({ kind, endpoint: ENDPOINT, error: code })
    expect(seen.calls.at(-1)).toEqual({ operation: 'introspection', outcome: 'misconfigured' })
    expect(seen.warnings).toHaveLength(kind === 'own_credentials_refused' ? 1 : 0)
    expect(inspect([error, seen.warnings], { depth: 10 })).not.toContain(SECRET)
  })

  test('finds refused credentials while warming up, with one request', async () => {
    const { validator, provider, advance } = createValidator(() => new Response('', { status: 401 }))
    expect(await refusalOf(validator.warmUp())).toBeInstanceOf(MisconfigurationError)
    provider.handlers[ENDPOINT] = () => Response.json({ active: false })
    advance(1)
    await validator.warmUp()
    const asked = provider.requests.length
    await validator.warmUp()
    expect(provider.requests).toHaveLength(asked)
  })

  test.each(['temporarily_unavailable', 'server_error'])('blames nobody for %s, whatever the status', async error => {
    const { validator } = createValidator(() => Response.json({ error }, { status: 400 }))
    expect(await refusalOf(validator.validate('token'))).toBeInstanceOf(ValidatorUnavailableError)
  })

  const bad = (status: number, body?: object) => () =>
    body ? Response.json(body, { status }) : new Response('', { status })

  /** An endpoint that refuses the token `odd` by `refusal`, and every other one too once `broken` says so. */
  function endpoint(refusal: () => Response) {
    const state = { broken: false }
    const handler: Handler = async request => {
      const token = new URLSearchParams(await request.text()).get('token')
      if (token?.startsWith('odd') || state.broken) return refusal()
      return Response.json(token === 'good' ? ACTIVE : { active: false })
    }
    return { ...createValidator(handler), state }
  }

  // oidc-provider 9.13.3 answers so to every JWT; others have no code, or one that says nothing.
  test.each([
    ['unsupported_token_type', bad(400, { error: 'unsupported_token_type' })],
    ['invalid_token', bad(400, { error: 'invalid_token' })],
    ['invalid_request', bad(400, { error: 'invalid_request' })],
    ['an empty body', bad(400)],
    ['a page', () => new Response('<html>Bad Request</html>', { status: 400 })],
    ['too large', bad(413)],
    ['unprocessable', bad(422, { message: 'token' })],
  ])(
    'answers 401 when only the token is refused, whether it is the first or a later one: %s',
    async (_label, refusal) => {
      const { validator } = endpoint(refusal)
      expect((await refusalOf(validator.validate('odd-1'))).reason).toEqual({ kind: 'inactive' })
      await validator.warmUp()
      expect((await refusalOf(validator.validate('odd-2'))).reason).toEqual({ kind: 'inactive' })
      await validator.validate('good')
      expect((await refusalOf(validator.validate('odd-3'))).reason).toEqual({ kind: 'inactive' })
    },
  )

  test('asks about a made-up token to tell refused credentials from a refused first token', async () => {
    const { validator, state, advance, provider } = endpoint(bad(400, { error: 'unsupported_token_type' }))
    state.broken = true
    expect(await refusalOf(validator.validate('token'))).toBeInstanceOf(MisconfigurationError)
    const asked = provider.requests.length
    expect(await refusalOf(validator.validate('other'))).toBeInstanceOf(MisconfigurationError)
    expect(provider.requests).toHaveLength(asked)
    state.broken = false
    advance(1)
    expect((await refusalOf(validator.validate('odd-1'))).reason).toEqual({ kind: 'inactive' })
  })

  test('asks about a made-up token when the response does not say what is refused', async () => {
    const { validator, state, advance } = endpoint(bad(400))
    await validator.warmUp()
    state.broken = true
    expect(await refusalOf(validator.validate('token'))).toBeInstanceOf(MisconfigurationError)
    state.broken = false
    advance(1)
    expect((await refusalOf(validator.validate('odd-1'))).reason).toEqual({ kind: 'inactive' })
  })

  test.each([
    bad(400, { error: 'invalid_client' }),
    bad(400, { error: 'unauthorized_client' }),
    bad(401),
    bad(403),
    bad(404),
  ])('still blames our credentials after they have worked', async refusal => {
    const { validator } = endpoint(refusal)
    await validator.warmUp()
    await validator.validate('good')
    expect(await refusalOf(validator.validate('odd-1'))).toBeInstanceOf(MisconfigurationError)
  })

  test('blames our settings for a metadata document of another issuer', async () => {
    const { validator, provider } = createValidator(() => Response.json(ACTIVE))
    provider.handlers[METADATA] = () => Response.json({ issuer: `${ISSUER}/`, introspection_endpoint: ENDPOINT })
    const error = await refusalOf(validator.validate('token'))
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toMatchObject({ kind: 'metadata_mismatch', expected: ISSUER, actual: `${ISSUER}/` })
  })
})

describe('credentials that are refused by one method', () => {
  /** An endpoint that takes the secret in one way only, and metadata that lists several. */
  function setUp(
    takes: 'basic' | 'post' | 'none',
    listed: object,
    method = CREDENTIALS.method as string,
    refusal = () => Response.json({ error: 'invalid_client' }, { status: 401 }),
  ) {
    const handler: Handler = async request => {
      const form = new URLSearchParams(await request.text())
      const sent = request.headers.has('authorization') ? 'basic' : form.has('client_secret') ? 'post' : 'none'
      if (sent !== takes || takes === 'none') return refusal()
      return Response.json(form.get('token') === 'good' ? ACTIVE : { active: false })
    }
    const world = createValidator(handler, { credentials: { ...CREDENTIALS, method } as ClientCredentials })
    world.provider.handlers[METADATA] = () =>
      Response.json({ issuer: ISSUER, introspection_endpoint: ENDPOINT, ...listed })
    const asked = () => world.provider.urls().filter(url => url === ENDPOINT).length
    return { ...world, asked }
  }
  const both = ['client_secret_basic', 'client_secret_post']

  test.each([
    ['post', 'client_secret_basic', { introspection_endpoint_auth_methods_supported: both }],
    ['post', 'client_secret_basic', { token_endpoint_auth_methods_supported: both }],
    ['basic', 'client_secret_post', { token_endpoint_auth_methods_supported: both }],
  ] as const)('are sent the other way at the start where both are listed: %s', async (takes, method, listed) => {
    const { validator, seen, asked } = setUp(takes, listed, method)
    await validator.warmUp()
    expect((await validator.validate('good')).subject).toBe('user-1')
    const other = method === 'client_secret_basic' ? 'client_secret_post' : 'client_secret_basic'
    expect(seen.warnings.at(-1)?.[0]).toContain(`Set the authentication method to ${other}.`)
    expect(asked()).toBe(3)
    expect(inspect(seen.warnings)).not.toContain(SECRET)
  })

  test.each([
    () => new Response('', { status: 400 }),
    () => Response.json({ error: 'invalid_request' }, { status: 400 }),
    () => new Response('', { status: 403 }),
  ])('tries the other method also when the server only says that something is missing', async refusal => {
    const listed = { token_endpoint_auth_methods_supported: both }
    const { validator } = setUp('post', listed, 'client_secret_basic', refusal)
    await validator.warmUp()
    expect((await validator.validate('good')).subject).toBe('user-1')
  })

  test.each([
    [
      'is not listed',
      {
        introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
        token_endpoint_auth_methods_supported: both,
      },
      1,
    ],
    ['is not known', {}, 1],
    ['is refused as well', { token_endpoint_auth_methods_supported: both }, 2],
  ])('keeps reporting refused credentials when the other method %s', async (_why, listed, calls) => {
    const { validator, asked, advance } = setUp(calls === 2 ? 'none' : 'post', listed)
    for (let round = 0; round < 2; round++) {
      const error = await refusalOf(validator.warmUp())
      expect(error.reason).toMatchObject({ kind: 'own_credentials_refused', status: 401 })
      expect(asked()).toBe(calls + round)
      advance(1)
    }
  })
})

test('introspects once for a thousand concurrent requests with one new token', async () => {
  const { validator, provider } = createValidator(() => Response.json(ACTIVE))
  await Promise.all(Array.from({ length: 1000 }, () => validator.validate('token')))
  expect(provider.urls()).toEqual([METADATA, ENDPOINT])
})

test('puts neither token nor secret into an error or warning', async () => {
  const token = 'the-access-token-itself'
  const handlers: Handler[] = [
    () => Response.json({ active: false, token }),
    () => Response.json({ ...ACTIVE, aud: 'https://other.example.com' }),
    () => Response.json({ active: `not a boolean: ${token} ${SECRET}` }),
    () => Response.json({ error: 'invalid_client', error_description: `${token} ${SECRET}` }, { status: 401 }),
    () => Response.json({ error: 'server_error', error_description: `${token} ${SECRET}` }, { status: 500 }),
    () => new Response(`${token} ${SECRET}`, { status: 400 }),
    () => new Response(`{"active":true,"token":"${token} ${SECRET}`),
    () => {
      throw new Error(`${token} ${SECRET}`, { cause: { token, SECRET } })
    },
  ]
  for (const handler of handlers) {
    const { validator, seen } = createValidator(handler)
    const error = await refusalOf(validator.validate(token))
    const everything = inspect([error, error.stack, JSON.stringify(error.reason), seen], {
      depth: 10,
      showHidden: true,
    })
    expect(everything).not.toContain(token)
    expect(everything).not.toContain(SECRET)
  }
})

describe('over HTTP', () => {
  const servers: Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  /** An authorization server on a port of its own. */
  async function startServer(port = 0) {
    const requests: { headers: IncomingHttpHeaders; body: URLSearchParams }[] = []
    const server = createServer(async (request, response) => {
      response.setHeader('content-type', 'application/json')
      if (request.url === '/.well-known/oauth-authorization-server') {
        response.end(JSON.stringify({ issuer, introspection_endpoint: `${issuer}/introspect` }))
        return
      }
      requests.push({ headers: request.headers, body: new URLSearchParams(await text(request)) })
      response.end(JSON.stringify({ ...ACTIVE, iss: issuer }))
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    servers.push(server)
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return { issuer, requests, server }
  }

  const onServer = (issuer: string, credentials: ClientCredentials = CREDENTIALS) => {
    const { context, advance } = createContext(fetch)
    const options = { issuer, audience: { audience: [RESOURCE] }, credentials } as const
    return { validator: createIntrospectionValidator(options, context), advance }
  }

  test('sends the token in the body of a POST, and asks for JSON', async () => {
    const { issuer, requests } = await startServer()
    await onServer(issuer).validator.validate('opaque-token+/=')
    expect(requests).toHaveLength(1)
    expect(Object.fromEntries(requests[0]?.body ?? [])).toEqual({
      token: 'opaque-token+/=',
      token_type_hint: 'access_token',
    })
    expect(requests[0]?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
    })
  })

  test('leaves `-._*` unencoded for servers that do not decode', async () => {
    const { issuer, requests } = await startServer()
    const credentials = {
      method: 'client_secret_basic',
      clientId: 'mcp-server_1.a*',
      clientSecret: "s-_.*~!'()",
    } as const
    await onServer(issuer, credentials).validator.validate('token')
    const sent = Buffer.from(requests[0]?.headers.authorization?.slice(6) ?? '', 'base64').toString()
    expect(sent).toBe('mcp-server_1.a*:s-_.*%7E%21%27%28%29')
  })

  test('percent-encodes id and secret before Basic (RFC 6749 §2.3.1)', async () => {
    const { issuer, requests } = await startServer()
    const credentials = { method: 'client_secret_basic', clientId: 'id:1', clientSecret: 'a:b%c+d e/ü' } as const
    await onServer(issuer, credentials).validator.validate('token')
    const sent = Buffer.from(requests[0]?.headers.authorization?.slice(6) ?? '', 'base64').toString()
    expect(sent).toBe('id%3A1:a%3Ab%25c%2Bd+e%2F%C3%BC')
  })

  test('sends id and secret in the body with client_secret_post', async () => {
    const { issuer, requests } = await startServer()
    const credentials = { method: 'client_secret_post', clientId: 'id:1', clientSecret: 'a:b%c+d' } as const
    await onServer(issuer, credentials).validator.validate('token')
    expect(requests[0]?.headers.authorization).toBeUndefined()
    expect(requests[0]?.body.get('client_id')).toBe('id:1')
    expect(requests[0]?.body.get('client_secret')).toBe('a:b%c+d')
  })

  test('signs an assertion for the issuer with private_key_jwt', async () => {
    const { issuer, requests } = await startServer()
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const credentials = { method: 'private_key_jwt', clientId: 'mcp-server', privateKey, keyId: 'key-1' } as const
    await onServer(issuer, credentials).validator.validate('token')
    const { body } = requests[0] ?? expect.fail('nothing was asked')
    expect(body.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1' }] })
    const { payload } = await jwtVerify(body.get('client_assertion') ?? '', keys, { audience: issuer })
    expect(payload).toMatchObject({ iss: 'mcp-server', sub: 'mcp-server' })
  })

  test('works with an authorization server that starts later, stops and starts again', async () => {
    const first = await startServer()
    const port = Number(new URL(first.issuer).port)
    const stop = async (server: Server) => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
    await stop(first.server)
    const { validator, advance } = onServer(first.issuer)
    const tokens = ['a', 'b', 'c', 'd']
    const down = async () =>
      expect(await refusalOf(validator.validate(tokens[0] ?? ''))).toBeInstanceOf(ValidatorUnavailableError)
    await down()
    const second = await startServer(port)
    advance(1)
    await validator.validate(tokens.shift() ?? '')
    await stop(second.server)
    await down()
    await startServer(port)
    advance(1)
    await validator.validate(tokens.shift() ?? '')
  })
})
