import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createRateLimit } from '../../demo-as/strangers/rate.ts'
import { createBrowser } from '../support/browser.ts'
import { basic, countWrites, RS, startWithClient } from './support.ts'

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'
/** The tests are the proxy, and say who asks. */
const trustedProxies = ['127.0.0.1', '::1']
const from = (address: string) => ({ 'x-forwarded-for': address })
const times = (times: number) => ({ times, seconds: 600 })
const once = { perAddress: times(1), inTotal: times(1000) }

/** Time that stands still until the test moves it. */
function useClock() {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  return (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000)
}

describe('a rate limit', () => {
  it('lets so many through at once, and again as time passes', () => {
    const later = useClock()
    const limit = createRateLimit({ times: 3, seconds: 30 })
    const take = () => limit.take('a')
    expect([take(), take(), take(), take()]).toEqual([0, 0, 0, 10_000])
    expect(limit.wait('a')).toBe(10_000)
    expect(limit.wait('b')).toBe(0)
    later(9)
    expect(take()).toBe(1000)
    later(1)
    expect([take(), take()]).toEqual([0, 10_000])
    later(1000)
    expect([take(), take(), take(), take()]).toEqual([0, 0, 0, 10_000])
  })

  it('refuses nobody because the clock was set back', () => {
    const later = useClock()
    const limit = createRateLimit({ times: 2, seconds: 30 })
    const take = () => limit.take('a')
    expect([take(), take(), take()]).toEqual([0, 0, 15_000])
    later(-24 * 3600)
    expect([take(), take(), take()]).toEqual([0, 0, 15_000])
  })

  it('remembers a bounded number of keys, those that were counted last', () => {
    useClock()
    const limit = createRateLimit({ times: 1, seconds: 30 })
    for (let i = 0; i < 60_000; i++) limit.take(`key ${i}`)
    expect(limit.wait('key 0')).toBe(0)
    expect(limit.wait('key 59999')).toBe(30_000)
  })
})

describe('strangers are limited', () => {
  /** What a client gets that asks once too often, in JSON or as a page. */
  async function exceed(ask: (headers: Record<string, string>) => Promise<Response>) {
    const first = await ask(from('203.0.113.1'))
    expect(first.status).not.toBe(429)
    const refused = await ask(from('203.0.113.1'))
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await ask(from('203.0.113.2'))).status).not.toBe(429)
    return refused
  }

  it.each([
    ['wrong secrets at the token endpoint', '/oauth/token', { grant_type: 'client_credentials', client_id: RS.id }],
    ['wrong codes', '/oauth/token', { grant_type: 'authorization_code', client_id: 'x', code: 'x' }],
    ['wrong refresh tokens', '/oauth/token', { grant_type: 'refresh_token', client_id: 'x', refresh_token: 'x' }],
    ['wrong secrets at introspection', '/oauth/introspect', { client_id: RS.id, client_secret: 'wrong', token: 'x' }],
    ['revocations', '/oauth/revoke', { client_id: 'x', token: 'x' }],
  ])('in %s, by address: 429, in JSON that pages of all origins can read', async (_name, path, fields) => {
    const limits = { 'refused credentials': once }
    const { origin } = await startWithClient({ limits, trustedProxies })
    const ask = (headers: Record<string, string>) =>
      fetch(`${origin}${path}`, { method: 'POST', body: new URLSearchParams(fields as never), headers })
    const refused = await exceed(ask)
    expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable' })
    if (path !== '/oauth/introspect') {
      expect(refused.headers.get('access-control-allow-origin')).toBe('*')
      expect(refused.headers.get('access-control-expose-headers')).toContain('Retry-After')
    }
  })

  it('in device codes, which are stored', async () => {
    const { client, origin } = await startWithClient({ limits: { 'device codes': once }, trustedProxies })
    const { json } = await client.register({ grant_types: [DEVICE_CODE], redirect_uris: undefined })
    const body = new URLSearchParams({ client_id: json.client_id })
    await exceed(headers => fetch(`${origin}/oauth/device_authorization`, { method: 'POST', body, headers }))
  })

  it('in wrong user codes, and not in those that are right', async () => {
    const { client, origin, events } = await startWithClient({ limits: { 'wrong user codes': once } })
    const { json } = await client.register({ grant_types: [DEVICE_CODE], redirect_uris: undefined })
    const { json: asked } = await client.form('/oauth/device_authorization', { client_id: json.client_id })
    const browser = createBrowser()
    const enter = async (user_code: string) =>
      browser.submit(await browser.open(`${origin}/oauth/device`), 'user_code', { user_code })
    expect((await enter(asked.user_code)).text).toContain('Is this your device?')
    expect((await enter(asked.user_code)).text).toContain('Is this your device?')
    expect(await enter('BCDF-GHJK')).toMatchObject({ status: 422, text: expect.stringContaining('no such code') })
    const refused = await enter(asked.user_code)
    expect(refused).toMatchObject({ status: 429, text: expect.stringContaining('Too many requests') })
    expect(refused.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(events.filter(({ event }) => event === 'strangers_refused')).toHaveLength(1)
  })

  it('in authorization requests and in steps of sign-ins that are not there, by a page', async () => {
    const limits = { 'authorization requests': once, 'sign-in steps': once }
    const { origin } = await startWithClient({ limits, trustedProxies })
    for (const path of ['/oauth/authorize', '/oauth/consent?id=x', '/fakeupstreamauth/callback?state=x']) {
      const headers = { accept: 'text/html' }
      const address = `203.0.113.${path.length}`
      const ask = () => fetch(`${origin}${path}`, { headers: { ...headers, ...from(address) } })
      expect((await ask()).status).toBe(400)
      const refused = await ask()
      expect(refused.status).toBe(429)
      expect(await refused.text()).toContain('Too many requests')
    }
  })

  it('by network where the address is one of IPv6', async () => {
    const { origin } = await startWithClient({ limits: { 'authorization requests': once }, trustedProxies })
    const ask = async (address: string) => (await fetch(`${origin}/oauth/authorize`, { headers: from(address) })).status
    expect(await ask('2606:4700:1:2:3::1')).toBe(400)
    expect(await ask('2606:4700:1:2:ffff::9')).toBe(429)
    expect(await ask('2606:4700:1:3::1')).toBe(400)
  })

  it('in total, but for addresses from which somebody had a token', async () => {
    const { client, origin } = await startWithClient({
      limits: { 'refused credentials': { inTotal: times(3) } },
      trustedProxies,
    })
    const { json } = await client.register()
    const { fields } = await client.obtainCode(json.client_id)
    const { json: tokens } = await client.token(fields, from('198.51.100.1'))
    const refresh = (refresh_token: string, address: string) =>
      client.form(
        '/oauth/token',
        { grant_type: 'refresh_token', client_id: json.client_id, refresh_token },
        from(address),
      )
    const strangers = []
    for (let i = 0; i < 5; i++) strangers.push((await refresh('x', `203.0.113.${i}`)).status)
    expect(strangers).toEqual([400, 400, 400, 429, 429])
    expect((await refresh(tokens.refresh_token, '198.51.100.1')).status).toBe(200)
    expect(origin).toBeTruthy()
  })

  it('and the log tells of it once a minute, with a number and not with each request', async () => {
    const later = useClock()
    const { origin, events } = await startWithClient({ limits: { 'authorization requests': once } })
    const ask = () => fetch(`${origin}/oauth/authorize`)
    const told = () => events.filter(({ event }) => event === 'strangers_refused').map(({ facts }) => facts)
    for (let i = 0; i < 10; i++) await ask()
    expect(told()).toMatchObject([{ activity: 'authorization requests', limit: 'address', requests: 1 }])
    later(60)
    await ask()
    expect(told().at(-1)).toMatchObject({ requests: 9, address: expect.any(String) })
    expect(told()).toHaveLength(2)
  })
})

describe('limits do not hurt', () => {
  it('a device that asks every few seconds whether its code was confirmed', async () => {
    const { client } = await startWithClient({ limits: { 'refused credentials': once } })
    const { json } = await client.register({ grant_types: [DEVICE_CODE], redirect_uris: undefined })
    const { json: asked } = await client.form('/oauth/device_authorization', { client_id: json.client_id })
    for (let i = 0; i < 5; i++) {
      const fields = { grant_type: DEVICE_CODE, client_id: json.client_id, device_code: asked.device_code }
      expect((await client.token(fields)).json.error).toBe('authorization_pending')
    }
  })

  it('MCP servers that ask about tokens that are worth nothing', async () => {
    const { client } = await startWithClient({ limits: { 'refused credentials': once } })
    for (const token of ['x', 'eyJhbGciOiJFUzI1NiJ9.e30.x', 'x', 'eyJhbGciOiJFUzI1NiJ9.e30.x', '']) {
      expect((await client.introspect(token)).status).not.toBe(429)
    }
    expect((await client.introspect('x')).json).toEqual({ active: false })
  })

  it('an office of 400 people behind one address, who all sign in anew within minutes', {
    timeout: 600_000,
  }, async () => {
    const { client } = await startWithClient()
    const { json } = await client.register()
    for (let i = 0; i < 400; i++) {
      expect((await client.refresh(json.client_id, `old ${i}`)).json.error).toBe('invalid_grant')
      expect((await fetch(client.authorizeUrl(json.client_id).url, { redirect: 'manual' })).status).toBe(303)
    }
    const { fields } = await client.obtainCode(json.client_id)
    expect((await client.token(fields)).status).toBe(200)
  })

  it('operators who forgot to name their proxy: the log says so', async () => {
    const { origin, events } = await startWithClient()
    for (let i = 0; i < 3; i++) await fetch(`${origin}/oauth/authorize`, { headers: from('203.0.113.1') })
    const told = events.filter(({ event }) => event === 'proxy_not_trusted')
    expect(told).toHaveLength(1)
    expect(told[0]?.facts.reason).toContain('TRUSTED_PROXIES')
  })
})

describe('what is too long', () => {
  it.each([
    ['a registration', '/oauth/register', 'application/json', 16_384],
    ['a request for a token', '/oauth/token', 'application/x-www-form-urlencoded', 16_384],
    ['a form', '/oauth/consent', 'application/x-www-form-urlencoded', 16_384],
  ])('%s is 413 before it is read', async (_name, path, type, most) => {
    const { origin } = await startWithClient()
    const post = (length: number) =>
      fetch(`${origin}${path}`, { method: 'POST', body: 'x'.repeat(length), headers: { 'content-type': type } })
    expect((await post(most)).status).not.toBe(413)
    expect((await post(most + 1)).status).toBe(413)
  })

  it('an authorization request is a page, and others are JSON', async () => {
    const { origin } = await startWithClient()
    const page = await fetch(`${origin}/oauth/authorize?state=${'x'.repeat(5000)}`)
    expect(page.status).toBe(414)
    expect(await page.text()).toContain('This request is too long')
    const json = await fetch(`${origin}/oauth/jwks?${'x'.repeat(2000)}`)
    expect(json.status).toBe(414)
    expect(await json.json()).toMatchObject({ error: 'invalid_request' })
  })
})

it('garbage at every endpoint writes nothing to the store', async () => {
  const { stores, writes } = countWrites()
  const { origin } = await startWithClient({ stores })
  writes.length = 0
  const form = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${origin}${path}`, { method: 'POST', body: new URLSearchParams(fields), headers, redirect: 'manual' })
  for (let i = 0; i < 20; i++) {
    await Promise.all([
      fetch(`${origin}/oauth/authorize?client_id=${i}`),
      fetch(`${origin}/oauth/authorize/${i}`),
      fetch(`${origin}/oauth/consent?id=${i}`),
      fetch(`${origin}/fakeupstreamauth/authorize?state=${i}`),
      fetch(`${origin}/fakeupstreamauth/callback?state=${i}&code=${i}`),
      fetch(`${origin}/oauth/register`, { method: 'POST', body: '{' }),
      form('/oauth/consent', { decision: 'allow' }),
      form('/fakeupstreamauth/authorize', { user: 'ada' }),
      form('/oauth/device_authorization', { client_id: String(i) }),
      form('/oauth/device', { user_code: 'BCDF-GHJK' }),
      form('/oauth/token', { grant_type: 'refresh_token', client_id: RS.id, refresh_token: String(i) }),
      form('/oauth/token', { grant_type: 'authorization_code', code: String(i) }, { authorization: basic('x', 'y') }),
      form('/oauth/introspect', { token: String(i) }, { authorization: basic(RS.id, 'wrong') }),
      form('/oauth/revoke', { token: String(i), client_id: String(i) }),
    ])
  }
  expect([...new Set(writes)]).toEqual([])
})
