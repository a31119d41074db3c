import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type AuthorizerOptions, createAuthorizer } from '../../../app/client/authorizer.ts'
import type { Grant, GrantContext } from '../../../app/client/grants.ts'
import { type ClientIdentity, createMemorySignIns } from '../../../app/client/sign-ins.ts'
import { createTokenFile } from '../../../app/client/token-file.ts'
import { startWithClient } from '../../demo-as/support.ts'
import { listen } from '../../support/http.ts'
import { temporaryFolder } from '../../support/temporary-files.ts'

interface FakeOptions {
  metadata?: Record<string, unknown>
  token?: (form: URLSearchParams, res: ServerResponse) => void
  revoke?: (form: URLSearchParams, res: ServerResponse) => void
}

/** An MCP server and its authorization server, at one origin; what it was asked for stands in `requests`. */
async function startFake({ metadata = {}, token, revoke }: FakeOptions = {}) {
  const requests: { path: string; body: string }[] = []
  const { close, port } = await listen(async (req, res) => {
    const body = await text(req)
    requests.push({ path: req.url ?? '', body })
    res.setHeader('content-type', 'application/json')
    if (req.url === '/.well-known/oauth-protected-resource/mcp') {
      res.end(JSON.stringify({ resource: server.href, authorization_servers: [origin], scopes_supported: ['a', 'b'] }))
    } else if (req.url === '/.well-known/oauth-authorization-server') {
      const endpoints = {
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        ...(revoke && { revocation_endpoint: `${origin}/revoke`, registration_endpoint: `${origin}/register` }),
      }
      res.end(JSON.stringify({ issuer: origin, ...endpoints, response_types_supported: ['code'], ...metadata }))
    } else if (req.url === '/token') token?.(new URLSearchParams(body), res)
    else if (req.url === '/revoke') revoke?.(new URLSearchParams(body), res)
    else if (req.url === '/register') res.writeHead(201).end(JSON.stringify({ ...JSON.parse(body), client_id: 'new' }))
    else res.writeHead(404).end()
  })
  onTestFinished(close)
  const origin = `http://localhost:${port}`
  const server = new URL('/mcp', origin)
  return { origin, server, asked: (path: string) => requests.filter(request => request.path === path) }
}

const grant = (seen: GrantContext[] = [], identify = true): Grant => ({
  grantTypes: ['authorization_code', 'refresh_token'],
  async obtain(context) {
    seen.push(context)
    if (identify) await context.client('http://127.0.0.1:1/callback')
    return { access_token: 'new', token_type: 'Bearer' }
  },
})

const options = (server: URL, others: Partial<AuthorizerOptions> = {}): AuthorizerOptions => ({
  server,
  fetch,
  now: () => 1_000_000,
  store: createMemorySignIns(),
  grant: grant(),
  ...others,
})

const unauthorized = (challenge = 'Bearer') =>
  new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
const client = { clientId: 'c', origin: 'dynamic' as const }
const stale = (issuer: string) => ({
  issuer,
  client,
  tokens: { accessToken: 'stale', tokenType: 'Bearer', refreshToken: 'r1', scopes: ['a'] },
})

describe('renewing', () => {
  it('refreshes once, however many processes need it at the same time', async () => {
    const folder = temporaryFolder()
    const { asked, origin, server } = await startFake({
      token: (_form, res) =>
        res.end(JSON.stringify({ access_token: 'fresh', token_type: 'Bearer', refresh_token: 'r2', expires_in: 60 })),
    })
    const path = join(folder, 'tokens.json')
    await createTokenFile(path).save(server.href, stale(origin))
    const processes = Array.from({ length: 5 }, () =>
      createAuthorizer(options(server, { store: createTokenFile(path) })),
    )
    for (const authorizer of processes) expect((await authorizer.accessToken())?.token).toBe('stale')
    expect(await Promise.all(processes.map(authorizer => authorizer.renew(unauthorized())))).toEqual(
      Array(5).fill(true),
    )
    for (const authorizer of processes) expect((await authorizer.accessToken())?.token).toBe('fresh')
    expect(asked('/token').map(({ body }) => new URLSearchParams(body).get('refresh_token'))).toEqual(['r1'])
    expect((await createTokenFile(path).load(server.href))?.tokens).toEqual({
      accessToken: 'fresh',
      tokenType: 'Bearer',
      refreshToken: 'r2',
      scopes: ['a'],
      expiresAt: 1060,
    })
  })

  it.each([503, 500])('keeps the refresh token when the authorization server answers %i', async status => {
    const { origin, server } = await startFake({ token: (_form, res) => res.writeHead(status).end('away') })
    const store = createMemorySignIns()
    await store.save(server.href, stale(origin))
    const authorizer = createAuthorizer(options(server, { store }))
    await authorizer.accessToken()
    await expect(authorizer.renew(unauthorized())).rejects.toThrow()
    expect((await store.load(server.href))?.tokens?.refreshToken).toBe('r1')
  })

  it('gives up on a refresh token that the authorization server refuses', async () => {
    const { origin, server } = await startFake({
      token: (_form, res) => res.writeHead(400).end('{"error":"invalid_grant"}'),
    })
    const store = createMemorySignIns()
    await store.save(server.href, stale(origin))
    const authorizer = createAuthorizer(options(server, { store }))
    await authorizer.accessToken()
    expect(await authorizer.renew(unauthorized())).toBe(false)
  })

  it.each([
    ['dynamic', undefined],
    ['given', 'c'],
  ] as const)('an unknown client of origin %s is kept as %s', async (origin, clientId) => {
    const fake = await startFake({ token: (_form, res) => res.writeHead(401).end('{"error":"invalid_client"}') })
    const store = createMemorySignIns()
    await store.save(fake.server.href, { ...stale(fake.origin), client: { clientId: 'c', origin } })
    const authorizer = createAuthorizer(options(fake.server, { store }))
    await authorizer.accessToken()
    expect(await authorizer.renew(unauthorized())).toBe(false)
    expect((await store.load(fake.server.href))?.client?.clientId).toBe(clientId)
  })

  it('sends a refresh token to no authorization server but its own', async () => {
    const { asked, server } = await startFake()
    const store = createMemorySignIns()
    await store.save(server.href, stale('https://before.example'))
    const authorizer = createAuthorizer(options(server, { store }))
    await authorizer.accessToken()
    expect(await authorizer.renew(unauthorized())).toBe(false)
    expect(asked('/token')).toEqual([])
  })
})

describe('a registration that is kept', () => {
  const invalidClient = (res: ServerResponse) => void res.writeHead(401).end('{"error":"invalid_client"}')

  async function obtain(
    answer: (res: ServerResponse) => void,
    kept: Partial<ClientIdentity> = {},
    metadata: Record<string, unknown> = {},
  ) {
    const fake = await startFake({ metadata, revoke: (_form, res) => answer(res) })
    const store = createMemorySignIns()
    const redirectUri = 'http://127.0.0.1:1/callback'
    await store.save(fake.server.href, { issuer: fake.origin, client: { ...client, redirectUri, ...kept } })
    await createAuthorizer(options(fake.server, { store })).obtain(unauthorized())
    return { ...fake, clientId: (await store.load(fake.server.href))?.client?.clientId }
  }

  it('is made anew before a browser opens where the authorization server has forgotten it', async () => {
    const { asked, clientId } = await obtain(invalidClient)
    expect(clientId).toBe('new')
    expect(asked('/revoke').map(({ body }) => body)).toEqual(['token=none&client_id=c'])
  })

  it.each<[string, (res: ServerResponse) => void]>([
    ['nothing', res => void res.end()],
    ['a page', res => void res.end('<p>')],
    ['null', res => void res.end('null')],
    ['an outage', res => void res.writeHead(503).end('{"error":"temporarily_unavailable"}')],
    ['an unknown token', res => void res.writeHead(400).end('{"error":"invalid_request"}')],
    ['no answer', res => void res.destroy()],
  ])('stays where the authorization server answers with %s', async (_name, answer) => {
    expect((await obtain(answer)).clientId).toBe('c')
  })

  it.each([
    ['was given', { origin: 'given' }],
    ['is a document', { origin: 'metadata-document' }],
    ['has a secret', { clientSecret: 's' }],
  ] as const)('is not asked about where it %s', async (_what, kept) => {
    const { asked, clientId } = await obtain(invalidClient, kept)
    expect([clientId, asked('/revoke')]).toEqual(['c', []])
  })

  it('is not asked about where nobody revokes without a secret', async () => {
    const methods = ['client_secret_basic']
    const { asked, clientId } = await obtain(invalidClient, {}, { revocation_endpoint_auth_methods_supported: methods })
    expect([clientId, asked('/revoke')]).toEqual(['c', []])
  })

  it('is told apart by our own authorization server', async () => {
    const { client: known } = await startWithClient()
    const { json } = await known.register()
    const errorFor = async (id: string) =>
      (await known.form('/oauth/revoke', { token: 'none', client_id: id })).json?.error
    expect([await errorFor(json.client_id), await errorFor('forgotten')]).toEqual([undefined, 'invalid_client'])
  })
})

describe('the client id', () => {
  it.each([
    ['given', { client: { clientId: 'mine' }, clientMetadataUrl: 'https://c.example/id' }, 'mine', 0],
    ['of a metadata document', { clientMetadataUrl: 'https://c.example/id' }, 'https://c.example/id', 0],
    ['registered', {}, 'new', 1],
  ] as const)('is the one %s, in the order of the specification', async (origin, others, clientId, registrations) => {
    const registry = await startFake()
    const { server } = await startFake({
      metadata: {
        client_id_metadata_document_supported: true,
        registration_endpoint: `${registry.origin}/register`,
      },
    })
    const store = createMemorySignIns()
    await createAuthorizer(options(server, { store, ...others })).obtain(unauthorized())
    expect((await store.load(server.href))?.client, origin).toMatchObject({ clientId })
    expect(registry.asked('/register')).toHaveLength(registrations)
  })

  it('is asked of the person where there is no way to get one', async () => {
    const { server } = await startFake()
    await expect(createAuthorizer(options(server)).obtain(unauthorized())).rejects.toThrow('--client-id')
  })

  it('goes to no other issuer than the one it is for', async () => {
    const { server } = await startFake()
    const given = { client: { clientId: 'mine', clientSecret: 's' }, issuer: 'https://id.example.com' }
    await expect(createAuthorizer(options(server, given)).obtain(unauthorized())).rejects.toThrow('nothing was sent')
  })
})

describe('scopes', () => {
  it.each([
    [{ scope: 'x' }, 'Bearer scope="a"', 'x'],
    [{}, 'Bearer scope="a"', 'a'],
    [{}, 'Bearer', 'a b'],
  ])('are those of %j before %s before those of the metadata', async (others, challenge, scope) => {
    const { server } = await startFake()
    const seen: GrantContext[] = []
    const authorizer = createAuthorizer(options(server, { ...others, grant: grant(seen, false) }))
    await authorizer.obtain(unauthorized(challenge))
    expect(seen.map(context => context.scope)).toEqual([scope])
    expect(seen.map(context => context.resource)).toEqual([server.href])
  })

  it('are those of before and the missing ones at a step-up', async () => {
    const { origin, server } = await startFake({ metadata: { scopes_supported: ['a', 'offline_access'] } })
    const store = createMemorySignIns()
    await store.save(server.href, stale(origin))
    const seen: GrantContext[] = []
    await createAuthorizer(options(server, { store, grant: grant(seen, false) })).stepUp('b', undefined)
    expect(seen.map(context => context.scope)).toEqual(['a b offline_access'])
  })
})

it('tokens are bound to a key again, without being asked for, where they were before', async () => {
  const { server } = await startFake({ metadata: {} })
  const store = createMemorySignIns()
  const seen: GrantContext[] = []
  const common = { store, grant: grant(seen, false) }
  await createAuthorizer(options(server, { ...common, dpop: true })).obtain(unauthorized())
  await createAuthorizer(options(server, common)).stepUp('c', undefined)
  const [first, second] = seen.map(({ dpop }) => dpop?.thumbprint)
  expect(first).toBeTruthy()
  expect(second).toBe(first)
})

it('metadata about another resource is refused', async () => {
  const { origin } = await startFake()
  const other = new URL('/other', origin)
  const challenge = `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`
  await expect(createAuthorizer(options(other)).obtain(unauthorized(challenge))).rejects.toThrow('another resource')
})

describe('without metadata of an authorization server', () => {
  const refused = async (answers: (origin: string) => Record<string, unknown>) => {
    const { close, port } = await listen((req, res) => {
      const answer = answers(`http://localhost:${port}`)[req.url ?? '']
      res.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}))
    })
    onTestFinished(close)
    const server = new URL(`http://localhost:${port}/mcp`)
    return expect(createAuthorizer(options(server)).obtain(unauthorized())).rejects
  }

  it('a server that wants a key of its own has no sign-in', async () => {
    const failure = await refused(() => ({}))
    await failure.toMatchObject({
      message: expect.stringContaining('nothing says where to sign in for it'),
      cure: expect.stringContaining('A server that takes API keys has no sign-in'),
    })
  })

  it('the authorization server that a server names is told', async () => {
    const failure = await refused(origin => ({
      '/.well-known/oauth-protected-resource/mcp': {
        resource: `${origin}/mcp`,
        authorization_servers: [`${origin}/nowhere`],
      },
    }))
    await failure.toMatchObject({
      message: expect.stringMatching(/\/nowhere, which the MCP server names, has no metadata/),
    })
  })
})
