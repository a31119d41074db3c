import { describe, expect, it } from 'vitest'
import { createGoogleEmulator, type GoogleUser } from '../../../emulators/google.ts'
import { createClient } from '../../demo-as/support.ts'
import { createBrowser } from '../../support/browser.ts'
import { CLIENT, startBridge } from './support.ts'

const ada: GoogleUser = {
  login: 'ada',
  sub: '110000000000000000001',
  email: 'ada@example.com',
  emailVerified: true,
  hostedDomain: 'example.com',
}
const ben: GoogleUser = { login: 'ben', sub: '110000000000000000002', email: 'ben@gmail.com', emailVerified: true }

function startGoogle(settings: Record<string, string> = {}) {
  return startBridge(
    uri => createGoogleEmulator({ clients: [{ ...CLIENT, type: 'web', redirectUris: [uri] }], users: [ada, ben] }),
    origin => ({
      AUTH_PROVIDER: 'google',
      AUTH_METADATA_URL: `${origin}/.well-known/openid-configuration`,
      BRIDGE_ALLOW: '@example.com',
      ...settings,
    }),
  )
}

type Bridge = Awaited<ReturnType<typeof startGoogle>>

/** Somebody in front of the consent page, which comes before the provider. */
async function atConsent({ servers }: Bridge) {
  const client = createClient(servers.issuer)
  const { json } = await client.register()
  const browser = createBrowser()
  const { url } = client.authorizeUrl(json.client_id, { resource: servers.resource })
  return { browser, consent: await browser.open(url) }
}

/** The same, two steps further: about to come back with the provider's answer. */
async function onTheWayBack(bridge: Bridge, login = 'ada') {
  const { browser, consent } = await atConsent(bridge)
  const onward = await browser.submit(consent, 'decision', { decision: 'allow' })
  expect(onward.url.origin).toBe(bridge.origin)
  const { url: callback } = await browser.submit(await browser.open(onward.url), 'user', { user: login })
  expect(callback.pathname).toBe('/oauth/callback')
  return { browser, callback }
}

describe('at the bridge, somebody who signed in', () => {
  it('and may not enter gets a page that says so', async () => {
    const bridge = await startGoogle()
    const { browser, callback } = await onTheWayBack(bridge, 'ben')
    const page = await browser.open(callback)
    expect(page.status).toBe(403)
    expect(page.text).toContain('You do not have access')
    expect(page.text).toContain('Google')
    expect(bridge.servers.log()).toContain('"outcome":"not_allowed"')
  })

  it('is told when the provider is down, and signs in by trying again', async () => {
    const bridge = await startGoogle()
    const { browser, callback } = await onTheWayBack(bridge)
    const recover = bridge.provider.fail({ kind: 'status', status: 503 })
    const page = await browser.open(callback)
    expect(page.status).toBe(503)
    expect(page.headers.get('retry-after')).toBe('10')
    const again = /href="(\/oauth\/consent[^"]*)"/.exec(page.text)?.[1]?.replaceAll('&#38;', '&')
    recover()
    const consent = await browser.open(new URL(again ?? '', callback))
    const onward = await browser.submit(consent, 'decision', { decision: 'allow' })
    const back = await browser.submit(await browser.open(onward.url), 'user', { user: 'ada' })
    expect((await browser.open(back.url)).url.searchParams.has('code')).toBe(true)
  })

  it('in another browser than the one that began gets nothing', async () => {
    const { callback } = await onTheWayBack(await startGoogle())
    const page = await createBrowser().open(callback)
    expect(page.status).toBe(400)
  })

  it('by a link with somebody else’s code gets nothing', async () => {
    const bridge = await startGoogle()
    const [mine, other] = [await onTheWayBack(bridge), await onTheWayBack(bridge)]
    mine.callback.searchParams.set('code', other.callback.searchParams.get('code') ?? '')
    const page = await mine.browser.open(mine.callback)
    expect(page.status).toBe(400)
    expect(page.text).toContain('Nobody signed in')
  })
})

describe('before anybody signs in, a provider that is down', () => {
  it('is said on the page after the consent', async () => {
    const bridge = await startGoogle()
    bridge.provider.fail({ kind: 'status', status: 503 })
    const { browser, consent } = await atConsent(bridge)
    const page = await browser.submit(consent, 'decision', { decision: 'allow' })
    expect(page.status).toBe(503)
    expect(page.text).toContain('Google is not responding')
  })
})

it('secrets and tokens of the provider reach no log and no token', async () => {
  const bridge = await startGoogle()
  const user = bridge.person('ada')
  await user.connect()
  await user.call('whoami')
  const seen = bridge.servers.log() + JSON.stringify(user.memory)
  expect(seen).toContain('google:110000000000000000001')
  for (const secret of [CLIENT.clientSecret, 'ya29.']) expect(seen).not.toContain(secret)
  expect(seen).not.toMatch(/eyJ[\w-]+\.eyJ/)
  const received = bridge.provider.requests.map(({ path }) => path).join('\n')
  expect(received).toContain('/o/oauth2/v2/auth')
  expect(received).not.toContain(CLIENT.clientSecret)
})

it('metadata and challenge name our own authorization server', async () => {
  const { servers, origin } = await startGoogle()
  const metadata = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', servers.resource))
  expect(await metadata.json()).toMatchObject({ authorization_servers: [servers.issuer] })
  expect(servers.issuer).not.toBe(origin)
})
