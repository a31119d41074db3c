import { describe, expect, it } from 'vitest'
import type { AuthorizationServerOptions } from '../../demo-as/server.ts'
import type { Identification, SignedInUser, Upstream } from '../../demo-as/upstream/upstream.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { createClient, startServer } from './support.ts'

const people: Record<string, SignedInUser> = {
  ada: { subject: 'example:1', username: 'ada', name: 'Ada', scopes: ['notes:read', 'notes:write', 'notes:admin'] },
  ben: { subject: 'example:2', username: 'ben', name: 'Ben', scopes: ['notes:read'] },
  eve: { subject: 'example:3', username: 'eve', name: 'Eve', scopes: [] },
}

/** An authorization server in front of a real provider, which signs in whoever the test says. */
async function start(options: Partial<AuthorizationServerOptions> = {}) {
  const departures: URL[] = []
  const upstream: Upstream = {
    name: 'Example ID',
    async depart({ state, another = false }) {
      const url = new URL(`https://upstream.example/login?${new URLSearchParams({ state, another: String(another) })}`)
      departures.push(url)
      return { url: url.href }
    },
    async identify(answer): Promise<Identification> {
      const user = people[answer.get('code') ?? '']
      return user ? { outcome: 'signed_in', user } : { outcome: 'nobody' }
    },
  }
  const { origin, events } = await startServer({ upstream, ...options })
  const client = createClient(origin)
  const { json } = await client.register({ client_name: 'Claude Code' })
  const clientId = json.client_id as string

  /** The person opens the authorization request; by themselves, unless `site` says who led them there. */
  const open = (browser: Browser, changes: Record<string, string> = {}, site = 'none', id = clientId) =>
    browser.open(client.authorizeUrl(id, changes).url, site ? { 'sec-fetch-site': site } : {})
  /** The upstream sends the browser back. */
  const comeBack = (browser: Browser, { url }: Page, person = 'ada') =>
    browser.open(`${origin}/oauth/callback?${new URLSearchParams({ state: stateOf(url), code: person })}`)
  /** All the way, with the box ticked. */
  const remember = async (browser: Browser, changes: Record<string, string> = {}, site?: string) => {
    const consent = await open(browser, changes, site)
    return comeBack(browser, await browser.submit(consent, 'decision', { decision: 'allow', remember: 'yes' }))
  }
  return { origin, events, client, clientId, departures, open, comeBack, remember }
}

const stateOf = (url: URL) => url.searchParams.get('state') ?? ''
const isConsent = ({ url }: Page) => url.pathname === '/oauth/consent'
const isUpstream = ({ url }: Page) => url.origin === 'https://upstream.example'

describe('in front of a real provider, consent', () => {
  it('is asked before anybody is sent there, and names client, host, provider and scopes', async () => {
    const { open, departures } = await start()
    const page = await open(createBrowser())
    expect(isConsent(page)).toBe(true)
    expect(departures).toEqual([])
    for (const words of ['Claude Code', 'localhost:7777', 'Example ID', 'Read your notes', 'Change your notes']) {
      expect(page.text).toContain(words)
    }
  })

  it('leads there by a page, which Chromium allows after a form, and then back with a code', async () => {
    const { open, comeBack, client, clientId } = await start()
    const browser = createBrowser()
    const { url, verifier } = client.authorizeUrl(clientId)
    const consent = await browser.open(url, { 'sec-fetch-site': 'none' })
    const away = await browser.submit(consent, 'decision', { decision: 'allow' })
    expect(isUpstream(away)).toBe(true)
    expect(away.status).toBe(200)
    const code = (await comeBack(browser, away)).url.searchParams.get('code') ?? ''
    const fields = { grant_type: 'authorization_code', client_id: clientId, code, code_verifier: verifier }
    const { json } = await client.token({ ...fields, redirect_uri: 'http://localhost:7777/callback' })
    expect(json.scope).toBe('notes:read notes:write')
    expect((await client.introspect(json.access_token)).json.sub).toBe('example:1')
    expect(isConsent(await open(browser))).toBe(true)
  })

  it('is cut to what the person who signs in may grant', async () => {
    const { open, comeBack, events } = await start()
    const browser = createBrowser()
    const away = await browser.submit(await open(browser), 'decision', { decision: 'allow' })
    expect((await comeBack(browser, away, 'ben')).url.searchParams.has('code')).toBe(true)
    expect(events).toContainEqual({
      event: 'consent_given',
      facts: expect.objectContaining({ scopes: ['notes:read'] }),
    })
  })

  it('of somebody who may grant nothing of it comes to nothing, and a page says so', async () => {
    const { open, comeBack } = await start()
    const browser = createBrowser()
    const away = await browser.submit(await open(browser), 'decision', { decision: 'allow' })
    const page = await comeBack(browser, away, 'eve')
    expect(page.text).toContain('<bdi>Eve</bdi> may not grant')
    expect(page.text).not.toContain('value="allow"')
    const end = await browser.submit(page, 'decision', { decision: 'allow' })
    expect(end.url.searchParams.get('error')).toBe('access_denied')
  })

  it('refused goes back to the client with iss, and nobody is sent to the provider', async () => {
    const { open, departures, origin } = await start()
    const browser = createBrowser()
    const { url } = await browser.submit(await open(browser), 'decision', { decision: 'deny' })
    expect(Object.fromEntries(url.searchParams)).toMatchObject({ error: 'access_denied', iss: origin })
    expect(departures).toEqual([])
  })

  it('by a form without its token decides nothing', async () => {
    const { open, departures } = await start()
    const browser = createBrowser()
    const page = await open(browser)
    expect((await browser.submit(page, 'decision', { decision: 'allow', form_token: 'x' })).status).toBe(403)
    expect(departures).toEqual([])
    expect(isUpstream(await browser.submit(page, 'decision', { decision: 'allow' }))).toBe(true)
  })
})

describe('CVE-2026-27124: consent is bound to the browser that gave it', () => {
  it('the provider cannot lead another browser into the sign-in that somebody consented to', async () => {
    const { open, comeBack, origin } = await start()
    const attacker = createBrowser()
    const away = await attacker.submit(await open(attacker), 'decision', { decision: 'allow' })
    const victim = createBrowser()
    await open(victim)
    expect((await comeBack(victim, away)).status).toBe(400)
    expect((await comeBack(createBrowser(), away)).status).toBe(400)
    const callback = `${origin}/oauth/callback?${new URLSearchParams({ state: stateOf(away.url), code: 'ada' })}`
    const cookie = `sign-in-${stateOf(away.url).split('.')[0]}=made-up`
    expect((await fetch(callback, { headers: { cookie }, redirect: 'manual' })).status).toBe(400)
    expect((await comeBack(attacker, away)).url.searchParams.has('code')).toBe(true)
  })

  it('another browser can neither see nor answer the page', async () => {
    const { open, departures } = await start()
    const [mine, other] = [createBrowser(), createBrowser()]
    const [page, theirs] = [await open(mine), await open(other)]
    expect((await other.open(page.url)).status).toBe(400)
    expect((await other.submit({ ...theirs, text: page.text }, 'decision', { decision: 'allow' })).status).toBe(400)
    expect(departures).toEqual([])
  })

  it('a state of the provider cannot stand for a consent that was not given', async () => {
    const { open, origin } = await start()
    const browser = createBrowser()
    const page = await open(browser)
    const state = page.url.searchParams.get('id') ?? ''
    const back = await browser.open(`${origin}/oauth/callback?${new URLSearchParams({ state, code: 'ada' })}`)
    expect(isConsent(back)).toBe(true)
    expect(back.url.href).not.toBe(page.url.href)
  })
})

describe('a remembered consent', () => {
  it('is not asked for again', async () => {
    const { open, comeBack, remember } = await start()
    const browser = createBrowser()
    expect((await remember(browser)).url.searchParams.has('code')).toBe(true)
    const away = await open(browser)
    expect(isUpstream(away)).toBe(true)
    expect((await comeBack(browser, away)).url.searchParams.has('code')).toBe(true)
  })

  it('counts on another port of this computer, and for less than was consented to', async () => {
    const { open, remember } = await start()
    const browser = createBrowser()
    await remember(browser)
    expect(isUpstream(await open(browser, { redirect_uri: 'http://localhost:1234/callback' }))).toBe(true)
    expect(isUpstream(await open(browser, { scope: 'notes:read' }))).toBe(true)
  })

  it.each([
    ['a page of another site led to the request, as a hostile authorization server would', {}, 'cross-site'],
    ['a page of a neighbour led to the request', {}, 'same-site'],
    ['the browser does not say what led to the request', {}, ''],
    ['the request is for more', { scope: 'notes:read notes:write notes:admin' }, 'none'],
    ['the client wants it so', { prompt: 'consent' }, 'none'],
  ])('is asked for again when %s', async (_name, changes, site) => {
    const { open, remember } = await start()
    const browser = createBrowser()
    await remember(browser)
    expect(isConsent(await open(browser, changes, site))).toBe(true)
  })

  it('is asked for again in another browser, for another client and for another host', async () => {
    const { open, remember, client } = await start()
    const browser = createBrowser()
    const redirect_uris = ['http://localhost:7777/callback', 'http://127.0.0.1:7777/callback']
    const { json } = await client.register({ redirect_uris })
    await remember(browser)
    expect(isConsent(await open(createBrowser()))).toBe(true)
    expect(isConsent(await open(browser, {}, 'none', json.client_id))).toBe(true)

    const both = createBrowser()
    const first = await open(both, {}, 'none', json.client_id)
    await both.submit(first, 'decision', { decision: 'allow', remember: 'yes' })
    const elsewhere = { redirect_uri: 'http://127.0.0.1:7777/callback' }
    expect(isConsent(await open(both, elsewhere, 'none', json.client_id))).toBe(true)
  })

  it('of Ada is none of Ben: when he is the one who signed in, he is asked', async () => {
    const { open, comeBack, remember } = await start()
    const browser = createBrowser()
    await remember(browser)
    const page = await comeBack(browser, await open(browser), 'ben')
    expect(isConsent(page)).toBe(true)
    expect(page.text).toContain('as <strong><bdi>Ben</bdi></strong>')
    const end = await browser.submit(page, 'decision', { decision: 'allow' })
    expect(end.url.searchParams.has('code')).toBe(true)
  })

  it('lets Ben say that he wants to sign in with another account, and asks whoever that is', async () => {
    const { open, comeBack, remember, departures } = await start()
    const browser = createBrowser()
    await remember(browser)
    const page = await comeBack(browser, await open(browser), 'ben')
    const away = await browser.submit(page, 'decision', { decision: 'another' })
    expect(departures.at(-1)?.searchParams.get('another')).toBe('true')
    expect((await comeBack(browser, away, 'ada')).url.searchParams.has('code')).toBe(true)
  })

  it('is not offered to a request that another site led to, and not to be had by a form of one’s own', async () => {
    const { open, remember } = await start()
    const browser = createBrowser()
    expect((await open(browser, {}, 'cross-site')).text).not.toContain('name="remember"')
    await remember(browser, {}, 'cross-site')
    expect(isConsent(await open(browser))).toBe(true)
  })

  it('is not offered for a client whose id everybody knows, since redirects on the way to us cannot be seen', async () => {
    const known = {
      client_id: 'known-to-all',
      client_name: 'Known to all',
      redirect_uris: ['http://localhost:7777/callback'],
      token_endpoint_auth_method: 'none' as const,
    }
    const { open } = await start({ clients: [known] })
    const browser = createBrowser()
    const page = await open(browser, {}, 'none', known.client_id)
    expect(page.text).toContain('Known to all')
    expect(page.text).not.toContain('name="remember"')
  })

  it('is not kept of somebody who does not come back from the provider', async () => {
    const { open } = await start()
    const browser = createBrowser()
    await browser.submit(await open(browser), 'decision', { decision: 'allow', remember: 'yes' })
    expect(isConsent(await open(browser))).toBe(true)
  })

  it('is forgotten when the person refuses', async () => {
    const { open, remember } = await start()
    const browser = createBrowser()
    await remember(browser)
    await browser.submit(await open(browser, { prompt: 'consent' }), 'decision', { decision: 'deny' })
    await browser.submit(await open(browser, {}, 'cross-site'), 'decision', { decision: 'deny' })
    expect(isConsent(await open(browser))).toBe(true)
  })
})

describe('going back', () => {
  it('from the provider to the consent page starts over, and gets there', async () => {
    const { open, comeBack } = await start()
    const browser = createBrowser()
    const page = await open(browser)
    await browser.submit(page, 'decision', { decision: 'allow' })
    const again = await browser.open(page.url)
    expect(isConsent(again)).toBe(true)
    const away = await browser.submit(again, 'decision', { decision: 'allow' })
    expect((await comeBack(browser, away)).url.searchParams.has('code')).toBe(true)
  })

  it('after the end tells that it is over', async () => {
    const { open, comeBack } = await start()
    const browser = createBrowser()
    const page = await open(browser)
    await comeBack(browser, await browser.submit(page, 'decision', { decision: 'allow' }))
    expect((await browser.open(page.url)).status).toBe(400)
  })
})

describe('a device in front of a real provider', () => {
  async function atConsent() {
    const { origin, client, comeBack, departures } = await start()
    const { json } = await client.register({
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      redirect_uris: undefined,
    })
    const { json: asked } = await client.form('/oauth/device_authorization', { client_id: json.client_id })
    const browser = createBrowser()
    const code = await browser.open(asked.verification_uri_complete, { 'sec-fetch-site': 'none' })
    const confirm = await browser.submit(code, 'user_code', { user_code: asked.user_code })
    return { origin, browser, comeBack, departures, page: await browser.submit(confirm, 'confirm', { confirm: 'yes' }) }
  }

  it('is consented to before, never by an earlier consent, and is connected afterwards', async () => {
    const { browser, page, comeBack, departures } = await atConsent()
    expect(isConsent(page)).toBe(true)
    expect(page.text).toContain('the device that showed you the code')
    expect(page.text).not.toContain('name="remember"')
    expect(departures).toEqual([])
    const end = await comeBack(browser, await browser.submit(page, 'decision', { decision: 'allow' }))
    expect(end.text).toContain('Your device is connected')
  })
})
