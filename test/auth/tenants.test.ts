import { describe, expect, it, onTestFinished } from 'vitest'
import { oidc } from '../../adapters/oidc/index.ts'
import { configure, createAuth, type Tenants } from '../../auth/create-auth.ts'
import type { Outage } from '../../emulators/core/emulator.ts'
import { createOidcEmulator } from '../../emulators/oidc.ts'
import { protect } from '../../src/edges/fetch.ts'

const RESOURCE = 'https://mcp.example.com/mcp'
const files = {
  name: 'Files',
  resource: RESOURCE,
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const

/** Two tenants with a provider each, and a server that looks them up. */
function setUp(find?: Tenants['find']) {
  const clock = { now: Date.now() }
  const now = () => clock.now
  const emulators = ['acme', 'globex'].map(name =>
    createOidcEmulator({ origin: `https://${name}.example.com`, audience: RESOURCE, now }),
  )
  const [acme, globex] = emulators as [(typeof emulators)[0], (typeof emulators)[0]]
  const asked: string[] = []
  const issuers = new Set(emulators.map(emulator => emulator.issuer()))
  const auth = createAuth(files, {
    env: {},
    now,
    observer: {},
    tenants: {
      find: async issuer => {
        asked.push(issuer)
        if (find) return find(issuer)
        return issuers.has(issuer) ? configure(oidc, { metadataUrl: issuer }) : undefined
      },
      issuers: [acme.issuer()],
    },
    fetch: (input, init) => {
      const { origin } = new URL(new Request(input).url)
      return (origin === acme.origin ? acme : globex).fetch(input, init)
    },
  })
  onTestFinished(() => auth.close())
  const guarded = protect(auth, () => new Response('done'))
  const call = (token: string, tool = 'read_file') =>
    guarded(
      new Request(RESOURCE, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool } }),
      }),
    )
  return { acme, globex, asked, issuers, call, auth, advance: (seconds: number) => (clock.now += seconds * 1000) }
}

const scopes = ['files:read']

describe('tenants', () => {
  it('each have their own provider, looked up once', async () => {
    const { acme, globex, call, asked } = setUp()
    for (let round = 0; round < 3; round++) {
      expect((await call(await acme.mint({ scopes }))).status).toBe(200)
      expect((await call(await globex.mint({ scopes }))).status).toBe(200)
    }
    expect(asked).toEqual([acme.issuer(), globex.issuer()])
  })

  it('get a challenge of their own provider where a scope is missing', async () => {
    const { acme, call } = setUp()
    const refused = await call(await acme.mint({ scopes }), 'write_file')
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toContain('scope="files:read files:write"')
  })

  it('whose tokens name another issuer than their metadata get that challenge, too', async () => {
    const accessTokenIssuer = 'http://acme.example.com/adfs/services/trust'
    const options = { metadataUrl: 'https://acme.example.com', accessTokenIssuer, scopePrefix: 'api://files/' }
    const { acme, call } = setUp(() => configure(oidc, options))
    const refused = await call(await acme.mint({ scopes, claims: { iss: accessTokenIssuer } }), 'write_file')
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toContain('scope="api://files/files:read api://files/files:write"')
  })

  it('get none where their scopes are granted by rule', async () => {
    const grants = [{ scopes: 'files:read', to: 'everyone' }]
    const { acme, call } = setUp(issuer => configure(oidc, { metadataUrl: issuer.replace(/\/$/, ''), grants }))
    const refused = await call(await acme.mint({ scopes }), 'write_file')
    expect(refused.status).toBe(403)
    expect(refused.headers.has('www-authenticate')).toBe(false)
  })

  it('that nobody knows are refused, and asked about once in a while', async () => {
    const { call, asked, advance, acme } = setUp()
    const stranger = createOidcEmulator({ origin: 'https://evil.example', audience: RESOURCE })
    const token = await stranger.mint({ scopes })
    for (let tries = 0; tries < 20; tries++) expect((await call(token)).status).toBe(401)
    expect(asked).toEqual(['https://evil.example'])
    advance(6)
    await call(token)
    expect(asked).toHaveLength(2)
    expect((await call('opaque-token')).status).toBe(401)
    expect((await call(await acme.mint({ scopes, claims: { iss: 'https://globex.example.com' } }))).status).toBe(401)
  })

  it('are looked up in turn, however many issuers a stranger makes up', async () => {
    let atOnce = 0
    let most = 0
    const { call } = setUp(async () => {
      most = Math.max(most, ++atOnce)
      await new Promise(setImmediate)
      atOnce--
      return undefined
    })
    const jwt = (iss: string) => `e30.${Buffer.from(JSON.stringify({ iss })).toString('base64url')}.AAAA`
    const answers = await Promise.all(Array.from({ length: 800 }, (_, at) => call(jwt(`https://${at}.evil.example`))))
    expect(most).toBeLessThanOrEqual(64)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 503]))
  })

  it('do not fail with one of them', async () => {
    const { acme, globex, call } = setUp()
    const outage: Outage = { kind: 'reset' }
    const repair = acme.fail(outage)
    expect((await call(await acme.mint({ scopes }))).status).toBe(503)
    expect((await call(await globex.mint({ scopes }))).status).toBe(200)
    repair()
  })

  it('are 503 while they cannot be looked up, and known ones serve on', async () => {
    const state = { isDown: true }
    const { acme, call, advance } = setUp(issuer => {
      if (state.isDown) throw Object.assign(new Error('postgres://user:secret@db'), { code: 'ECONNREFUSED' })
      return configure(oidc, { metadataUrl: issuer })
    })
    const refused = await call(await acme.mint({ scopes }))
    expect(refused.status).toBe(503)
    expect(await refused.text()).not.toContain('secret')
    state.isDown = false
    expect((await call(await acme.mint({ scopes }))).status).toBe(200)
    state.isDown = true
    advance(601)
    expect((await call(await acme.mint({ scopes }))).status).toBe(200)
  })

  it('that are gone are refused once they are looked up again', async () => {
    const { acme, call, advance, issuers } = setUp()
    expect((await call(await acme.mint({ scopes }))).status).toBe(200)
    issuers.clear()
    expect((await call(await acme.mint({ scopes }))).status).toBe(200)
    advance(601)
    expect((await call(await acme.mint({ scopes }))).status).toBe(401)
  })

  it.each([
    ['the provider of another', () => configure(oidc, { metadataUrl: 'https://globex.example.com' })],
    ['no provider at all', () => ({ metadataUrl: 'https://acme.example.com' }) as never],
    ['wrong options', () => configure(oidc, { metadataUrl: 'https://acme.example.com', audiance: 'x' })],
    [
      'grants of a scope that the server does not declare',
      () => {
        const grants = [{ scopes: 'files:raed', to: 'everyone' }]
        return configure(oidc, { metadataUrl: 'https://acme.example.com', grants })
      },
    ],
  ])('with %s are our own fault', async (_label, find) => {
    const { acme, call } = setUp(find)
    expect((await call(await acme.mint({ scopes }))).status).toBe(500)
  })

  it('are named in the metadata as far as they are to be', async () => {
    const { auth, acme } = setUp()
    expect(await auth.metadata()).toMatchObject({ authorization_servers: [acme.issuer()] })
    await auth.ready()
  })

  it('are an error beside providers, in code or by settings', () => {
    const tenants: Tenants = { find: () => undefined }
    const providers = [configure(oidc, { metadataUrl: 'https://id.example.com' })]
    expect(() => createAuth(files, { env: {}, tenants, providers })).toThrow('tenants: and providers are both given')
    expect(() => createAuth(files, { env: { AUTH_PROVIDER: 'auth0' }, tenants })).toThrow('AUTH_PROVIDER')
  })
})
