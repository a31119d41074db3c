import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createCallerOf } from '../../demo-as/strangers/remote-address.ts'
import { createStrangers } from '../../demo-as/strangers/strangers.ts'
import type { Upstream } from '../../demo-as/upstream/upstream.ts'
import { createBrowser, signIn } from '../support/browser.ts'
import { basic, createClient, REDIRECT, startServer, startWithClient } from './support.ts'

describe('dynamic registration', () => {
  it('answers with the client as it stands, and with no secret for a public one', async () => {
    const { origin } = await startServer()
    const { status, json, headers } = await createClient(origin).register({ software_id: 'abc', scope: 'notes:read x' })
    expect(status).toBe(201)
    expect(json).toMatchObject({
      client_id: expect.stringMatching(/^[\w-]{43}$/),
      client_name: 'Test client',
      redirect_uris: ['http://localhost:7777/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      software_id: 'abc',
    })
    expect(json).not.toHaveProperty('client_secret')
    expect(json).not.toHaveProperty('registration_access_token')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it.each(['client_secret_basic', 'client_secret_post'])('gives a %s client a secret', async method => {
    const { origin } = await startServer()
    const { json } = await createClient(origin).register({ token_endpoint_auth_method: method })
    expect(json).toMatchObject({ client_secret: expect.stringMatching(/^[\w-]{43,}$/), client_secret_expires_at: 0 })
  })

  it.each([
    ['javascript:alert(1)', 'scheme'],
    ['JavaScript:alert(1)', 'scheme'],
    ['java\tscript:alert(1)', 'normal spelling'],
    ['data:text/html,<script>alert(1)</script>', 'scheme'],
    ['vbscript:msgbox(1)', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['blob:https://example.com/x', 'scheme'],
    ['ftp://example.com/callback', 'scheme'],
    ['ws://example.com/callback', 'scheme'],
    ['about:blank', 'scheme'],
    ['intent://example.com/#Intent;end', 'fragment'],
    ['chrome-extension://abc/callback', 'scheme'],
    ['mailto:a@example.com', 'scheme'],
    ['myapp:/callback', 'scheme'],
    ['.com:/callback', 'absolute'],
    ['http://example.com/callback', 'https is needed'],
    ['http://localhost.example.com/callback', 'https is needed'],
    ['http://127.0.0.2/callback', 'https is needed'],
    ['http://10.0.0.1/callback', 'https is needed'],
    ['http://2130706433/callback', 'normal spelling'],
    ['http://0x7f.1/callback', 'normal spelling'],
    ['https://user@example.com/callback', 'credentials'],
    ['https://user:pw@example.com/callback', 'credentials'],
    ['https://example.com@evil.example.com/callback', 'credentials'],
    ['https://@example.com/callback', 'normal spelling'],
    ['https://example.com/callback#x', 'fragment'],
    ['https://example.com/callback#', 'fragment'],
    ['https://example.com/a/../callback', 'normal spelling'],
    ['https://example.com/a/%2E%2e/callback', 'normal spelling'],
    ['https://example.com/a/..;/callback', 'dot segment'],
    ['https://example.com/a%2f..%2fcallback', 'encoded slash'],
    ['https://example.com/a%5c..%5ccallback', 'encoded slash'],
    ['https://example.com\\@evil.example.com/', 'normal spelling'],
    ['https:example.com/callback', 'normal spelling'],
    ['https://example.com/call\nback', 'normal spelling'],
    [' https://example.com/callback', 'normal spelling'],
    ['https://example.com/\u202ecallback', 'normal spelling'],
    ['https://example.com./callback', 'a dot at the end of its host'],
    ['//example.com/callback', 'absolute'],
    ['callback', 'absolute'],
    ['', 'non-empty|only contain strings'],
    [`https://example.com/${'x'.repeat(2000)}`, 'longer'],
  ])('refuses the redirect URI %j', async (uri, reason) => {
    const { origin } = await startServer()
    const { status, json } = await createClient(origin).register({ redirect_uris: [uri] })
    expect(status).toBe(400)
    expect(json.error).toBe('invalid_redirect_uri')
    expect(json.error_description).toMatch(new RegExp(reason))
  })

  it('refuses redirect URIs that lead to this server, by each of its names', async () => {
    const { origin } = await startServer()
    const { port } = new URL(origin)
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      const uri = `http://${host}:${port}/fakeupstreamauth/callback`
      const { status, json } = await createClient(origin).register({ redirect_uris: [uri] })
      expect(status).toBe(400)
      expect(json.error_description).toContain('the authorization server itself')
    }
  })

  it.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    ' java\tscript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
  ])('refuses all when one of several redirect URIs is %j', async uri => {
    const { origin } = await startServer()
    const redirect_uris = ['http://localhost:7777/callback', uri]
    expect((await createClient(origin).register({ redirect_uris })).json.error).toBe('invalid_redirect_uri')
  })

  it.each([
    [
      'a redirect URI whose scheme nobody knows',
      { redirect_uris: [REDIRECT, 'myapp:/x'] },
      { redirect_uris: [REDIRECT] },
    ],
    ['one that is not encrypted', { redirect_uris: ['http://10.0.0.1/x', REDIRECT] }, { redirect_uris: [REDIRECT] }],
    [
      'a further grant',
      { grant_types: ['authorization_code', 'password', 'implicit', 'refresh_token'] },
      { grant_types: ['authorization_code', 'refresh_token'] },
    ],
    [
      'client_credentials of a client without credentials',
      { grant_types: ['authorization_code', 'client_credentials'] },
      { grant_types: ['authorization_code'] },
    ],
    ['a further response type', { response_types: ['code', 'token'] }, { response_types: ['code'] }],
    ['an empty home page', { client_uri: '', logo_uri: '', tos_uri: '', policy_uri: '' }, { client_uri: undefined }],
    ['nothing for an address of keys', { jwks_uri: null, jwks: null, contacts: null }, { jwks_uri: undefined }],
    ['an address of keys that are never asked for', { jwks_uri: 'https://example.com/k' }, { jwks_uri: undefined }],
    ['an empty name', { client_name: '' }, { client_name: undefined }],
    ['a name that nobody can see', { client_name: '\u3164\u115f\u2800\u0301\u200b' }, { client_name: undefined }],
    ['what is invisible in a name', { client_name: 'Cla\u202eu\u200bde' }, { client_name: 'Claude' }],
    ['a type of application that nobody knows', { application_type: 'spa' }, { application_type: 'web' }],
    ['signatures that are not made here', { id_token_signed_response_alg: 'RS256' }, {}],
  ])('leaves out %s, and says so in the answer', async (_name, metadata, answer) => {
    const { origin } = await startServer()
    const { status, json } = await createClient(origin).register(metadata)
    expect(status).toBe(201)
    for (const [member, value] of Object.entries(answer)) expect(json[member]).toEqual(value)
    expect(json.token_endpoint_auth_method).toBe('none')
    expect(json).not.toHaveProperty('client_secret')
  })

  it('takes the scheme of an application with capitals, as the application goes on spelling it', async () => {
    const { client } = await startWithClient()
    const redirect_uri = 'com.Example.App:/callback'
    const { json } = await client.register({ redirect_uris: [redirect_uri] })
    expect(json.redirect_uris).toEqual(['com.example.app:/callback'])
    const { callback, fields } = await client.obtainCode(json.client_id, { redirect_uri })
    expect(callback.href).toMatch(/^com\.example\.app:/)
    expect((await client.token(fields)).status).toBe(200)
  })

  it.each([
    ['no redirect URI', { redirect_uris: [] }],
    ['redirect URIs that are no list', { redirect_uris: 'http://localhost:7777/callback' }],
    ['a redirect URI that is no text', { redirect_uris: [7] }],
    [
      'keys by address that it needs: nothing is fetched for a stranger',
      { jwks_uri: 'https://169.254.169.254/keys', token_endpoint_auth_method: 'private_key_jwt' },
    ],
    ['a sector identifier: nothing is fetched for a stranger', { sector_identifier_uri: 'https://169.254.169.254/' }],
    ['the implicit grant', { grant_types: ['implicit'], response_types: ['token'] }],
    ['nothing but a grant of somebody else', { grant_types: ['password'], response_types: [] }],
    ['tokens without a user for a client without credentials', { grant_types: ['client_credentials'] }],
    ['a home page that is script', { client_uri: 'javascript:alert(1)' }],
    ['more than there is room for', { contacts: ['x'.repeat(8000)] }],
    ['an unknown authentication method', { token_endpoint_auth_method: 'tls_client_auth' }],
    ['unsigned ID tokens', { id_token_signed_response_alg: 'none' }],
  ])('refuses %s', async (_name, metadata) => {
    const { origin } = await startServer()
    const { status, json } = await createClient(origin).register(metadata)
    expect(status).toBe(400)
    expect(json.error).toMatch(/^invalid_(client_metadata|redirect_uri)$/)
  })

  it.each([
    ['broken JSON', '{"redirect_uris":', 'application/json'],
    ['a list', '[]', 'application/json'],
    ['null', 'null', 'application/json'],
    ['a form', 'redirect_uris=x', 'application/x-www-form-urlencoded'],
  ])('refuses %s with 400', async (_name, body, type) => {
    const { origin } = await startServer()
    const { status, json } = await createClient(origin).post('/oauth/register', body, { 'content-type': type })
    expect(status).toBe(400)
    expect(json.error).toBe('invalid_request')
  })

  it('does not let a client choose its id, its secret or the id of another', async () => {
    const { origin } = await startServer()
    const { json } = await createClient(origin).register({
      client_id: 'notes-server',
      client_secret: 'chosen',
      token_endpoint_auth_method: 'client_secret_post',
    })
    expect(json.client_id).not.toBe('notes-server')
    expect(json.client_secret).not.toBe('chosen')
  })

  it('keeps as many clients as fit, and tells those who were forgotten', async () => {
    const { createMemoryStores } = await import('../../demo-as/stores/memory.ts')
    const { origin } = await startServer({ stores: createMemoryStores({ maxEntries: 50 }) })
    const client = createClient(origin)
    const first = await client.register()
    for (let i = 0; i < 60; i++) await client.register()
    const last = await client.register()
    const forgotten = await client.refresh(first.json.client_id, 'x')
    expect(forgotten).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
    const page = await createBrowser().open(client.authorizeUrl(first.json.client_id).url)
    expect(page.text).toContain('Unknown application')
    expect(await client.refresh(last.json.client_id, 'x')).toMatchObject({ json: { error: 'invalid_grant' } })
  })

  it('keeps a client in use, however many others register', async () => {
    const { createMemoryStores } = await import('../../demo-as/stores/memory.ts')
    const { client } = await startWithClient({ stores: createMemoryStores({ maxEntries: 50 }) })
    const { clientId, tokens } = await client.obtainTokens()
    for (let i = 0; i < 60; i++) await client.register()
    expect((await client.refresh(clientId, tokens.refresh_token)).status).toBe(200)
  })

  it('says inactive, and not 500, about the token of a client that was forgotten', async () => {
    const { createMemoryStores } = await import('../../demo-as/stores/memory.ts')
    const stores = createMemoryStores()
    const { origin } = await startServer({ stores })
    const client = createClient(origin)
    const { clientId, tokens } = await client.obtainTokens()
    await stores('Client').delete(clientId)
    expect(await client.introspect(tokens.access_token)).toMatchObject({ status: 200, json: { active: false } })
  })
})

describe('a registration', () => {
  const DAY = 24 * 3600

  /** Time that stands still until the test moves it. */
  function useClock() {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    return (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000)
  }

  it('that nobody uses is gone after a week', async () => {
    const later = useClock()
    const { client } = await startWithClient()
    const { json } = await client.register()
    later(6 * DAY)
    expect((await createBrowser().open(client.authorizeUrl(json.client_id).url)).text).toContain('form_token')
    later(DAY + 1)
    expect((await createBrowser().open(client.authorizeUrl(json.client_id).url)).text).toContain('Unknown application')
  })

  it('that was used lasts for half a year longer than what it was given, and another use lets it last longer', async () => {
    const later = useClock()
    const { client } = await startWithClient({ lifetimes: { grant: 10 * DAY } })
    const { json } = await client.register()
    const page = async () => (await createBrowser().open(client.authorizeUrl(json.client_id).url)).text
    const use = async () => (await client.token((await client.obtainCode(json.client_id)).fields)).status
    expect(await use()).toBe(200)
    later(189 * DAY)
    expect(await use()).toBe(200)
    later(189 * DAY)
    expect(await page()).toContain('form_token')
    later(DAY + 1)
    expect(await page()).toContain('Unknown application')
  })

  it('that is refreshed outlives each of its grants', async () => {
    const later = useClock()
    const { client } = await startWithClient({ lifetimes: { grant: 10 * DAY, grantMax: 300 * DAY } })
    let { clientId, tokens } = await client.obtainTokens()
    for (let days = 0; days < 290; days += 9) {
      later(9 * DAY)
      const { status, json } = await client.refresh(clientId, tokens.refresh_token)
      expect(status).toBe(200)
      tokens = json
    }
    later(30 * DAY)
    expect((await client.refresh(clientId, tokens.refresh_token)).json.error).toBe('invalid_grant')
    expect((await client.token((await client.obtainCode(clientId)).fields)).status).toBe(200)
  })

  it('is kept for less time where strangers register often, so that there are not many', () => {
    useClock()
    const strangers = createStrangers({ log: () => {} })
    const seconds = Array.from({ length: 16_000 }, () => strangers.unusedClientSeconds())
    const HOUR = 3600
    expect([seconds[0], seconds[4999], seconds[5000], seconds[14_999], seconds[15_000]]).toEqual([
      7 * DAY,
      7 * DAY,
      DAY,
      DAY,
      HOUR,
    ])
  })

  it('that was only looked at, and refused by the user, does not last longer', async () => {
    const later = useClock()
    const { client } = await startWithClient()
    const { json } = await client.register()
    await signIn(client.authorizeUrl(json.client_id).url, { decision: 'deny' })
    later(7 * DAY + 1)
    expect((await createBrowser().open(client.authorizeUrl(json.client_id).url)).text).toContain('Unknown application')
  })

  it('is one too many after so many from one address: 429 and when the next is welcome', async () => {
    const { client } = await startWithClient({
      limits: { registrations: { perAddress: { times: 2, seconds: 600 } } },
    })
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push((await client.register()).status)
    expect(statuses).toEqual([201, 201, 429])
    const { json, headers } = await client.register()
    expect(json.error).toBe('temporarily_unavailable')
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('is one too many after so many of all', async () => {
    const { client } = await startWithClient({
      limits: { registrations: { inTotal: { times: 1, seconds: 600 } } },
      trustedProxies: ['127.0.0.1', '::1'],
    })
    const from = (address: string) => client.post('/oauth/register', '{}', { 'x-forwarded-for': address })
    expect((await from('8.8.8.8')).status).not.toBe(429)
    expect((await from('8.8.4.4')).status).toBe(429)
  })

  it('is not to be had where registration is turned off, and metadata does not offer it', async () => {
    const { origin, client } = await startWithClient({ registration: false })
    expect((await client.register()).status).toBe(404)
    const metadata = await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).json()
    expect(metadata).not.toHaveProperty('registration_endpoint')
  })

  it('gives no tokens without a user where people sign in at a real provider', async () => {
    const upstream: Upstream = {
      name: 'Example',
      depart: async ({ state }) => ({ url: `https://upstream.example/?state=${state}` }),
      identify: async () => ({ outcome: 'nobody' }),
    }
    const { client } = await startWithClient({ upstream })
    const { json } = await client.register({
      redirect_uris: undefined,
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    })
    const authorization = basic(json.client_id, json.client_secret)
    const refused = await client.token({ grant_type: 'client_credentials' }, { authorization })
    expect(refused).toMatchObject({ status: 400, json: { error: 'unauthorized_client' } })
  })
})

describe('the caller that is counted', () => {
  const of = (trusted: string[], remoteAddress: string, forwarded?: string) =>
    createCallerOf(trusted)({ headers: { 'x-forwarded-for': forwarded }, socket: { remoteAddress } } as never)

  it.each([
    ['the connection, when no proxy is trusted', [], '203.0.113.9', '8.8.8.8', '203.0.113.9'],
    ['the connection, when it is not that of the proxy', ['10.0.0.0/8'], '203.0.113.9', '8.8.8.8', '203.0.113.9'],
    ['whom the proxy names', ['10.0.0.0/8'], '10.1.2.3', '8.8.8.8', '8.8.8.8'],
    ['the last entry and not one made up before it', ['10.0.0.0/8'], '10.1.2.3', '1.1.1.1, 8.8.8.8', '8.8.8.8'],
    ['whom the first of two proxies names', ['10.0.0.0/8'], '10.1.2.3', '1.1.1.1, 8.8.8.8, 10.9.9.9', '8.8.8.8'],
    ['the proxy, when it names nobody', ['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
    ['the proxy, when what it names is no address', ['10.0.0.0/8'], '10.1.2.3', 'x', '10.1.2.3'],
    ['an IPv4 address, however it is written', ['10.1.2.3'], '::ffff:10.1.2.3', '8.8.8.8', '8.8.8.8'],
    ['the network of an IPv6 address', ['::1'], '::1', '2606:4700:1:2:3:4:5:6', '2606:4700:1:2::'],
  ])('is %s', (_name, trusted, remote, forwarded, caller) => {
    expect(of(trusted, remote, forwarded)).toBe(caller)
  })

  it('is not worked out from proxies that are no addresses', () => {
    expect(() => createCallerOf(['proxy.example'])).toThrow(TypeError)
  })
})
