import { describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { createClient, distantStores, startServer } from './support.ts'

async function start(options: Parameters<typeof startServer>[0] = {}, metadata: Record<string, unknown> = {}) {
  const { origin, events } = await startServer(options)
  const client = createClient(origin)
  const { json } = await client.register(metadata)
  const clientId = json.client_id as string
  /** A browser that was led to the sign-in page. */
  const atSignIn = async (changes: Record<string, string> = {}) => {
    const browser = createBrowser()
    return { browser, page: await browser.open(client.authorizeUrl(clientId, changes).url) }
  }
  const atConsent = async (changes: Record<string, string> = {}, user = 'ada') => {
    const { browser, page } = await atSignIn(changes)
    return { browser, page: await browser.submit(page, 'user', { user }) }
  }
  return { origin, events, client, clientId, atSignIn, atConsent }
}

describe('the sign-in page', () => {
  it('refuses a form without its token with 403 and goes on working', async () => {
    const { atSignIn, origin } = await start()
    const { browser, page } = await atSignIn()
    for (const form_token of [undefined, 'x'.repeat(43), '']) {
      const refused = await browser.submit(page, 'user', { user: 'ada', form_token })
      expect(refused.status).toBe(403)
      expect(refused.text).toContain('Nothing has been decided')
    }
    const consent = await browser.submit(page, 'user', { user: 'ada' })
    expect(consent.url.href).toMatch(`${origin}/oauth/consent?id=`)
  })

  it('shows nobody the form token of another browser, not to one that makes up the cookie either', async () => {
    const { atSignIn } = await start()
    const { browser, page } = await atSignIn()
    const state = page.url.searchParams.get('state') ?? ''
    const cookie = `sign-in-${state.split('.')[0]}=made-up`
    const text = await (await fetch(page.url, { headers: { cookie } })).text()
    const form_token = /name="form_token" value="([^"]+)"/.exec(text)?.[1]
    expect((await browser.submit(page, 'user', { user: 'ada', form_token })).status).toBe(403)
  })

  it('does not read a form that is too large, though its length was not announced', async () => {
    const { atSignIn } = await start()
    const { browser, page } = await atSignIn()
    const form_token = /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const fields = new URLSearchParams({ form_token, user: 'ada', padding: 'x'.repeat(100_000) })
    const response = await fetch(page.url, {
      method: 'POST',
      body: new Blob([fields.toString()]).stream(),
      duplex: 'half',
      headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: browser.cookiesFor(page.url) },
    } as RequestInit)
    expect(response.status).toBe(403)
  })

  it('refuses a form token of another browser', async () => {
    const { atSignIn } = await start()
    const [mine, other] = [await atSignIn(), await atSignIn()]
    const form_token = /name="form_token" value="([^"]+)"/.exec(other.page.text)?.[1]
    expect((await mine.browser.submit(mine.page, 'user', { user: 'ada', form_token })).status).toBe(403)
  })

  it.each(['', '  ', '<script>', 'x'.repeat(41), '-a', 'a\u202eb'])('asks again for the name %j', async user => {
    const { atSignIn } = await start()
    const { browser, page } = await atSignIn()
    const again = await browser.submit(page, 'user', { user })
    expect(again.status).toBe(422)
    expect(again.text).toContain('aria-invalid')
    expect(again.text).not.toContain('<script>')
  })

  it('keeps invented users apart from the named ones', async () => {
    const { client } = await start()
    const { tokens } = await client.obtainTokens({}, 'Guest Ada')
    expect((await client.introspect(tokens.access_token)).json).toMatchObject({
      sub: 'guest:guest ada',
      username: 'guest ada',
    })
  })

  it('tells a browser that did not start here so', async () => {
    const { origin } = await start()
    const page = await createBrowser().open(`${origin}/fakeupstreamauth/authorize?state=x`)
    expect(page.status).toBe(400)
    expect(page.text).toContain('connect again')
  })
})

describe('the way back from the upstream', () => {
  /** The callback address with a real code and state in it, not yet visited. */
  async function callbackOf(atSignIn: Awaited<ReturnType<typeof start>>['atSignIn']) {
    const { browser, page } = await atSignIn()
    const form_token = /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const body = new URLSearchParams({ form_token, user: 'ada' })
    const response = await fetch(page.url, {
      method: 'POST',
      body,
      headers: { cookie: browser.cookiesFor(page.url) },
      redirect: 'manual',
    })
    return { browser, url: new URL(response.headers.get('location') ?? '') }
  }

  it('is closed to another browser, and stays open to the right one', async () => {
    const { atSignIn } = await start()
    const { browser, url } = await callbackOf(atSignIn)
    expect((await createBrowser().open(url)).status).toBe(400)
    // A browser with a sign-in of its own is another browser too.
    const other = await atSignIn()
    expect((await other.browser.open(url)).status).toBe(400)
    const cookie = `sign-in-${url.searchParams.get('state')?.split('.')[0]}=made-up`
    expect((await fetch(url, { headers: { cookie } })).status).toBe(400)
    expect((await browser.open(url)).url.pathname).toBe('/oauth/consent')
  })

  it('leads to one consent page, when it is taken ten times at once', async () => {
    const { atSignIn } = await start({ stores: distantStores() })
    const { browser, url } = await callbackOf(atSignIn)
    const pages = await Promise.all(Array.from({ length: 10 }, () => browser.open(url)))
    // Each of them may be the only one whose answer arrives.
    expect(new Set(pages.map(({ url }) => url.href)).size).toBe(1)
    expect(pages[0]?.url.pathname).toBe('/oauth/consent')
  })

  it('stays open until the sign-in is over: who goes back and picks somebody else gets there', async () => {
    const { atSignIn, events } = await start()
    const { browser, page } = await atSignIn()
    const first = await browser.submit(page, 'user', { user: 'ada' })
    expect(first.url.pathname).toBe('/oauth/consent')
    const consent = await browser.submit(page, 'user', { user: 'ben' })
    expect(consent.text).toContain('as <strong><bdi>Ben</bdi></strong>')
    expect((await browser.submit(consent, 'decision', { decision: 'allow' })).url.searchParams.has('code')).toBe(true)
    expect((await browser.submit(first, 'decision', { decision: 'allow' })).status).toBe(400)
    expect(events.filter(({ event }) => event === 'consent_given')).toHaveLength(1)
  })

  it('is closed to the browser of before once the sign-in is over', async () => {
    const { atSignIn } = await start()
    const { browser, page } = await atSignIn()
    const cookie = browser.cookiesFor(page.url)
    const consent = await browser.submit(page, 'user', { user: 'ada' })
    await browser.submit(consent, 'decision', { decision: 'allow' })
    const state = page.url.searchParams.get('state') ?? ''
    const callback = new URL(`/fakeupstreamauth/callback?${new URLSearchParams({ state })}`, page.url)
    expect((await fetch(callback, { headers: { cookie }, redirect: 'manual' })).status).toBe(400)
  })

  it.each([
    ['with a state that was never given out', { state: 'x'.repeat(43) }],
    ['with a code that was never given out', { code: 'x'.repeat(43) }],
  ])('%s leads nowhere', async (_name, changes) => {
    const { atSignIn } = await start()
    const { browser, url } = await callbackOf(atSignIn)
    for (const [key, value] of Object.entries(changes)) url.searchParams.set(key, value)
    expect((await browser.open(url)).status).toBe(400)
  })
})

describe('the consent page', () => {
  it('refuses a form without its token with 403, and nothing is lost', async () => {
    const { atConsent, events } = await start()
    const { browser, page } = await atConsent()
    const refused = await browser.submit(page, 'decision', { decision: 'allow', form_token: 'x'.repeat(43) })
    expect(refused.status).toBe(403)
    expect(events.map(({ event }) => event)).not.toContain('consent_given')
    const allowed = await browser.submit(page, 'decision', { decision: 'allow' })
    expect(allowed.url.searchParams.has('code')).toBe(true)
  })

  it('is closed to another browser that knows its address', async () => {
    const { atConsent } = await start()
    const [victim, attacker] = [await atConsent(), await atConsent()]
    expect((await victim.browser.open(attacker.page.url)).status).toBe(400)
    const form_token = /name="form_token" value="([^"]+)"/.exec(attacker.page.text)?.[1]
    const forged = { ...victim.page, text: attacker.page.text }
    expect((await victim.browser.submit(forged, 'decision', { decision: 'allow', form_token })).status).toBe(400)
  })

  it('is for one decision: of ten at once one is heard', async () => {
    const { atConsent, events } = await start({ stores: distantStores() })
    const { browser, page } = await atConsent()
    const pages = await Promise.all(
      Array.from({ length: 10 }, () => browser.submit(page, 'decision', { decision: 'allow' })),
    )
    expect(pages.filter(({ url }) => url.searchParams.has('code'))).toHaveLength(1)
    expect(events.filter(({ event }) => event === 'consent_given')).toHaveLength(1)
  })

  it('is shown every time, however often the same client was allowed', async () => {
    const { client, clientId } = await start()
    const browser = createBrowser()
    for (let round = 0; round < 2; round++) {
      const { url } = client.authorizeUrl(clientId)
      const first = await browser.open(url)
      const consent = await browser.submit(first, 'user', { user: 'ada' })
      expect(consent.url.pathname).toBe('/oauth/consent')
      await browser.submit(consent, 'decision', { decision: 'allow' })
    }
  })

  it('lets the person be somebody else', async () => {
    const { atConsent } = await start()
    const { browser, page } = await atConsent()
    const again = await browser.submit(page, 'decision', { decision: 'another' })
    expect(again.url.pathname).toBe('/fakeupstreamauth/authorize')
    const consent = await browser.submit(again, 'user', { user: 'cleo' })
    expect(consent.text).toContain('as <strong><bdi>Cleo</bdi></strong>')
    expect((await browser.submit(consent, 'decision', { decision: 'allow' })).url.searchParams.has('code')).toBe(true)
  })

  it.each([
    ['http://localhost:7777/callback', 'localhost:7777', true],
    ['cursor://anysphere.cursor-retrieval/callback', 'cursor:', true],
    ['cursor://localhost/callback', 'cursor:', true],
    ['com.example.app://127.0.0.1/callback', 'com.example.app:', true],
    ['https://localhost:8443/callback', 'localhost:8443', true],
    ['https://claude.example.com/callback', 'claude.example.com', false],
  ])('says where %s leads, with a warning where any program could be behind it', async (redirect_uri, shown, warns) => {
    const { atConsent } = await start({}, { redirect_uris: [redirect_uri] })
    const { page } = await atConsent({ redirect_uri })
    expect(page.text).toContain(`<strong>${shown}</strong>`)
    expect(/Any program/.test(page.text)).toBe(warns)
  })

  it('says what it is about in words, and what the user may not grant', async () => {
    const { atConsent } = await start()
    const { page } = await atConsent({ scope: 'notes:read notes:admin' }, 'cleo')
    expect(page.text).toContain('Read your notes')
    expect(page.text).toMatch(/<bdi>Cleo<\/bdi> may not grant[\s\S]*See all users/)
    expect(page.text).toContain('http://localhost:3232/mcp')
  })

  it('shows the hostile name of a client as text', async () => {
    const client_name = `<script>alert(1)</script>"'\u202eevil\u0000 ${'x'.repeat(500)}`
    const { atConsent } = await start({}, { client_name })
    const { page } = await atConsent()
    expect(page.text).toContain('&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;evil')
    expect(page.text).not.toContain('<script')
    expect(page.text).not.toContain('\u202e')
    expect(page.text).not.toContain('x'.repeat(100))
  })
})

describe('every page', () => {
  it('is kept from frames, scripts, caches and referrers', async () => {
    const { atSignIn, atConsent, client } = await start()
    const pages = [(await atSignIn()).page, (await atConsent()).page]
    pages.push(await createBrowser().open(client.authorizeUrl('gone').url))
    for (const { headers, text } of pages) {
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      )
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
      expect(text).not.toMatch(/<script|<style|style=|\son\w+=/i)
    }
  })

  it('sets cookies that scripts and other sites do not get', async () => {
    const { client, clientId } = await start()
    const response = await fetch(client.authorizeUrl(clientId).url, { redirect: 'manual' })
    const cookies = response.headers.getSetCookie()
    expect(cookies.some(cookie => /^sign-in-[\w-]{16}=/.test(cookie))).toBe(true)
    for (const cookie of cookies) expect(cookie.toLowerCase()).toMatch(/samesite=lax.*httponly|httponly.*samesite=lax/)
  })
})

it('lets two people sign in at the same time, in two browsers and in two tabs of one', async () => {
  const { client, clientId } = await start()
  const shared = createBrowser()
  const tabs = [
    { user: 'ada', browser: shared },
    { user: 'ben', browser: shared },
    { user: 'cleo', browser: createBrowser() },
  ]
  const opened = await Promise.all(
    tabs.map(async tab => ({ ...tab, page: await tab.browser.open(client.authorizeUrl(clientId).url) })),
  )
  const callbacks = await Promise.all(
    opened.map(async ({ user, browser, page }) =>
      browser.submit(await browser.submit(page, 'user', { user }), 'decision', { decision: 'allow' }),
    ),
  )
  for (const { url } of callbacks) expect(url.searchParams.has('code')).toBe(true)
})
