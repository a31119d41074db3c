import { describe, expect, it, vi } from 'vitest'
import type { Upstream } from '../../demo-as/upstream/upstream.ts'
import { createBrowser } from '../support/browser.ts'
import { countWrites, startWithClient } from './support.ts'

const upstream: Upstream = {
  name: 'Example ID',
  depart: async ({ state }) => ({ url: `https://upstream.example/login?${new URLSearchParams({ state })}` }),
  identify: async () => ({ outcome: 'nobody' }),
}

async function start(options: Parameters<typeof startWithClient>[0] = {}) {
  const { stores, writes } = countWrites()
  const server = await startWithClient({ stores, ...options })
  const { json } = await server.client.register()
  const clientId = json.client_id as string
  const begin = (changes: Record<string, string> = {}) =>
    fetch(server.client.authorizeUrl(clientId, changes).url, { redirect: 'manual' })
  return { ...server, clientId, begin, writes }
}

describe('a sign-in that a stranger begins', () => {
  it.each([
    ['at the demo sign-in', {}],
    ['in front of a real provider', { upstream }],
  ])('%s leaves nothing in the store, up to the page that asks somebody', async (_name, options) => {
    const { client, clientId, begin, writes } = await start(options)
    writes.length = 0
    for (let i = 0; i < 20; i++) expect((await begin()).status).toBe(303)
    expect((await createBrowser().open(client.authorizeUrl(clientId).url)).text).toContain('form_token')
    expect(writes).toEqual([])
  })

  it.each([
    ['that may show no page', { prompt: 'none' }],
    ['for a resource that nobody knows', { resource: 'https://elsewhere.example.com/mcp' }],
    ['without PKCE', { code_challenge: '', code_challenge_method: '' }],
    ['of a client that nobody knows', { client_id: 'x'.repeat(43) }],
    ['with another redirect URI', { redirect_uri: 'https://evil.example.com/' }],
  ])('%s leaves nothing in the store either', async (_name, changes) => {
    const { begin, writes } = await start()
    writes.length = 0
    await begin(changes)
    expect(writes).toEqual([])
  })

  it('has addresses that a proxy takes, for the longest request that is taken', async () => {
    const { begin } = await start({ upstream })
    const response = await begin({ state: 's'.repeat(4000) })
    expect(response.status).toBe(303)
    expect(response.headers.get('location')?.length).toBeLessThan(8000)
  })

  it('ends by itself, though nobody keeps it', async () => {
    const { client, clientId } = await start({ upstream, lifetimes: { page: 60 } })
    const browser = createBrowser()
    const page = await browser.open(client.authorizeUrl(clientId).url)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 121_000 })
    const late = await browser.submit(page, 'decision', { decision: 'allow' }).finally(() => vi.useRealTimers())
    expect(late).toMatchObject({ status: 400, text: expect.stringContaining('This sign-in has ended') })
  })

  it('cannot be taken for another step, nor for that of another server', async () => {
    const { client, clientId, origin } = await start({ upstream })
    const other = await start({ upstream })
    const browser = createBrowser()
    const page = await browser.open(client.authorizeUrl(clientId).url)
    const step = page.url.searchParams.get('id') ?? ''
    const cookie = browser.cookiesFor(page.url)
    const statusOf = async (url: string) => (await fetch(url, { headers: { cookie }, redirect: 'manual' })).status
    expect(await statusOf(`${origin}/oauth/consent?id=${step}`)).toBe(200)
    expect(await statusOf(`${other.origin}/oauth/consent?id=${step}`)).toBe(400)
    expect(await statusOf(`${origin}/oauth/consent?id=${step.slice(0, -8)}AAAAAAAA`)).toBe(400)
    expect(await statusOf(`${origin}/oauth/consent?id=${'x'.repeat(16)}${step.slice(16)}`)).toBe(400)
  })
})

describe('a browser in which many sign-ins are begun', () => {
  it('sends less than 4 kB of cookies, and the newest sign-ins still work', async () => {
    const { client, clientId } = await start({ upstream })
    const browser = createBrowser()
    const pages = []
    for (let i = 0; i < 104; i++) pages.push(await browser.open(client.authorizeUrl(clientId).url))
    const [oldest, newest] = [pages[0], pages[103]]
    if (!oldest || !newest) throw new Error('no pages')
    expect(browser.cookiesFor(newest.url).length).toBeLessThan(4096)
    for (const page of pages.slice(-10)) {
      const away = await browser.submit(page, 'decision', { decision: 'allow' })
      expect(away.url.origin).toBe('https://upstream.example')
    }
    expect((await browser.submit(oldest, 'decision', { decision: 'allow' })).status).toBe(400)
  })
})
