import { describe, expect, it } from 'vitest'
import { displayName } from '../../demo-as/authorization-request.ts'
import type { AuthorizationServerOptions } from '../../demo-as/server.ts'
import type { SignedInUser, Upstream } from '../../demo-as/upstream/upstream.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { notes, REDIRECT, startWithClient } from './support.ts'

const ALL = 'notes:read notes:write notes:admin'
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'

const ada: SignedInUser = { subject: 'ada', username: 'ada', name: 'Ada', scopes: ALL.split(' ') }
const ben: SignedInUser = { ...ada, subject: 'ben', username: 'ben', name: 'Ben', scopes: ['notes:read'] }

/** A provider that signs in at once whoever the test says. */
function provider(): Upstream & { user: SignedInUser } {
  const upstream = {
    name: 'Example ID',
    user: ada,
    depart: async ({ state, redirectUri }: { state: string; redirectUri: string }) => ({
      url: `${redirectUri}?${new URLSearchParams({ state, code: 'x' })}`,
    }),
    identify: async () => ({ outcome: 'signed_in', user: upstream.user, session: 'kept' }) as const,
    recheck: async () => ({ outcome: 'signed_in', user: upstream.user, session: 'kept' }) as const,
  }
  return upstream
}

/** A registered client and a browser, in front of a server that asks either way. */
async function start(options: Partial<AuthorizationServerOptions> = {}, metadata: Record<string, unknown> = {}) {
  const server = await startWithClient(options)
  const { client } = server
  const { json } = await client.register({ client_name: 'Claude Code', ...metadata })
  const clientId = json.client_id as string
  const browser = createBrowser()
  const requests = new Map<string, string>()

  /** To the consent page, or past it to the end. */
  async function open(scope = ALL, user = 'ada', changes: Record<string, string> = {}): Promise<Page> {
    const { url, verifier } = client.authorizeUrl(clientId, { scope, state: `s${requests.size}`, ...changes })
    requests.set(`s${requests.size}`, verifier)
    const page = await browser.open(url, { 'sec-fetch-site': 'none' })
    return page.text.includes('name="user"') ? browser.submit(page, 'user', { user }) : page
  }
  const allow = (page: Page, fields: Record<string, string | readonly string[] | undefined> = {}) =>
    browser.submit(page, 'decision', { decision: 'allow', ...fields })
  const redeem = async ({ url }: Page) => {
    const { json: tokens } = await client.token({
      grant_type: 'authorization_code',
      client_id: clientId,
      code: url.searchParams.get('code') ?? '',
      code_verifier: requests.get(url.searchParams.get('state') ?? ''),
      redirect_uri: REDIRECT,
    })
    return tokens
  }
  return { ...server, clientId, browser, open, allow, redeem }
}

const isConsent = ({ url }: Page) => url.pathname === '/oauth/consent'

describe.each<[string, () => Partial<AuthorizationServerOptions>]>([
  ['the demo', () => ({})],
  ['a bridge', () => ({ upstream: provider() })],
])('a scope that is unticked at %s', (_mode, options) => {
  it('is not granted, and the others are', async () => {
    const { client, open, allow, redeem, events } = await start(options())
    const tokens = await redeem(await allow(await open(), { scope: ['notes:read', 'notes:admin'] }))
    expect(tokens.scope).toBe('notes:read notes:admin')
    expect((await client.introspect(tokens.access_token)).json.scope).toBe('notes:read notes:admin')
    const facts = expect.objectContaining({ scopes: ['notes:read', 'notes:admin'] })
    expect(events).toContainEqual({ event: 'consent_given', facts })
  })

  it.each([undefined, 'notes:read', ALL, `${ALL} offline_access`])(
    'is passed over by every refresh: scope %s',
    async scope => {
      const { client, clientId, open, allow, redeem } = await start(options())
      let tokens = await redeem(await allow(await open(`${ALL} offline_access`), { scope: 'notes:read' }))
      for (let hour = 0; hour < 3; hour++) {
        const { status, json } = await client.refresh(clientId, tokens.refresh_token, scope ? { scope } : {})
        expect({ status, scope: json.scope }).toEqual({ status: 200, scope: 'notes:read' })
        tokens = json
      }
      const { json } = await client.refresh(clientId, tokens.refresh_token, { scope: 'notes:write' })
      expect(json.error).toBe('invalid_scope')
    },
  )

  it('can be had later by asking the person again', async () => {
    const { open, allow, redeem } = await start(options())
    await redeem(await allow(await open(), { scope: 'notes:read', remember: 'yes' }))
    const page = await open('notes:read notes:write')
    expect(isConsent(page)).toBe(true)
    expect((await redeem(await allow(page))).scope).toBe('notes:read notes:write')
  })

  it('is asked about again, however often the rest was remembered', async () => {
    const { open, allow, redeem } = await start(options())
    await redeem(await allow(await open(), { scope: ['notes:read', 'notes:write'], remember: 'yes' }))
    expect((await redeem(await open('notes:read notes:write'))).scope).toBe('notes:read notes:write')
    expect((await redeem(await open('notes:write'))).scope).toBe('notes:write')
    expect(isConsent(await open())).toBe(true)
    expect(isConsent(await open('notes:admin'))).toBe(true)
  })

  it('never is one that the page did not show', async () => {
    const { open, allow, redeem } = await start(options())
    const made = ['notes:read', 'notes:admin', 'openid', 'offline_access', 'made-up']
    expect((await redeem(await allow(await open('notes:read notes:write'), { scope: made }))).scope).toBe('notes:read')
  })

  it('is not the only one: a page says so, and nothing is decided', async () => {
    const { open, allow, redeem } = await start(options())
    for (const scope of [[], ['made-up']]) {
      const page = await open()
      const again = await allow(page, { scope })
      expect(again.status).toBe(422)
      expect(again.text).toContain('Nothing is ticked')
      expect(again.text).not.toMatch(/name="scope"[^>]* checked/)
      expect((await redeem(await allow(again, { scope: 'notes:write' }))).scope).toBe('notes:write')
    }
  })

  it('has no box where it is the only one that is asked for', async () => {
    const { open, allow, redeem } = await start(options())
    const page = await open('notes:read')
    expect(page.text).toContain('Read your notes')
    expect(page.text).not.toContain('name="scope"')
    expect((await redeem(await allow(page))).scope).toBe('notes:read')
  })

  it('can be one of very many, which are unticked together', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `s${i}`)
    const scopes = Object.fromEntries(names.map(name => [name, `Do ${name}`]))
    const users = [{ ...ada, scopes: names }]
    const settings = options()
    if (settings.upstream) (settings.upstream as ReturnType<typeof provider>).user = { ...ada, scopes: names }
    const resources = [{ ...notes, scopes, defaultScopes: ['s0'] }]
    const { browser, open, allow, redeem } = await start({ ...settings, users, resources })
    const page = await open(names.join(' '))
    const [, address = ''] = /<a href="([^"]+)">Untick all/.exec(page.text) ?? []
    const bare = await browser.open(new URL(address.replaceAll('&#38;', '&'), page.url))
    expect(bare.text).not.toMatch(/name="scope"[^>]* checked/)
    expect(bare.text).toContain('Tick all')
    expect((await redeem(await allow(bare, { scope: ['s7', 's8'] }))).scope).toBe('s7 s8')
  })
})

describe('a scope that the person may not grant', () => {
  it('is a new question as soon as they may, however well the rest was remembered', async () => {
    const upstream = provider()
    upstream.user = ben
    const { open, allow, redeem } = await start({ upstream })
    expect((await redeem(await allow(await open(), { remember: 'yes' }))).scope).toBe('notes:read')
    upstream.user = { ...ben, scopes: ['notes:read', 'notes:admin'] }
    const page = await open()
    expect(isConsent(page)).toBe(true)
    expect((await redeem(await allow(page, { scope: 'notes:read' }))).scope).toBe('notes:read')
  })

  it.each<[string, () => Partial<AuthorizationServerOptions>]>([
    ['the demo', () => ({})],
    [
      'a bridge',
      () => ({ upstream: Object.assign(provider(), { user: { ...ben, scopes: ['notes:read', 'notes:write'] } }) }),
    ],
  ])('has nobody asked again at %s as long as they may not', async (_mode, options) => {
    const { open, allow, redeem } = await start(options())
    const first = await redeem(await allow(await open(ALL, 'ben'), { remember: 'yes' }))
    expect(first.scope).toBe('notes:read notes:write')
    expect((await redeem(await open(ALL, 'ben'))).scope).toBe('notes:read notes:write')
  })
})

describe('staying signed in', () => {
  it('has a line of its own, also when the client does not ask for it by name', async () => {
    const { open } = await start()
    for (const scope of ['notes:read', 'notes:read offline_access']) {
      const { text } = await open(scope)
      expect(text).toContain('Stay signed in</span>')
      expect(text).toContain('</bdi> keeps this access while you are away. Ends when it is not used for 30 days.')
    }
  })

  it('names the day on which it ends, where there is one', async () => {
    const { open } = await start({ lifetimes: { grantMax: 90 * 86_400 } })
    expect((await open()).text).toMatch(/Stay signed in until <time datetime="20\d\d-\d\d-\d\d">/)
  })

  it('is not offered for a client that cannot refresh', async () => {
    const { open, allow, redeem } = await start({}, { grant_types: ['authorization_code'] })
    const page = await open('notes:read offline_access')
    expect(page.text).not.toContain('Stay signed in')
    expect(await redeem(await allow(page))).not.toHaveProperty('refresh_token')
  })

  it.each<[string, Partial<AuthorizationServerOptions>, string]>([
    ['the demo', {}, 'notes:read notes:write'],
    ['the demo, asked for by name', {}, 'notes:read notes:write offline_access openid'],
    ['a bridge', { upstream: provider() }, 'notes:read notes:write offline_access'],
    ['a server without scopes', { resources: [{ ...notes, scopes: {}, defaultScopes: [] }] }, 'offline_access'],
  ])('is given up by unticking it: %s', async (_name, options, scope) => {
    const { client, open, allow, redeem } = await start(options)
    const tokens = await redeem(await allow(await open(scope), { stay: undefined }))
    expect(tokens).not.toHaveProperty('refresh_token')
    expect((await client.introspect(tokens.access_token)).json.active).toBe(true)
    expect(await redeem(await allow(await open(scope)))).toHaveProperty('refresh_token')
  })

  it('stays given up where the consent is remembered', async () => {
    const { open, allow, redeem } = await start({ upstream: provider() })
    await redeem(await allow(await open(), { stay: undefined, remember: 'yes' }))
    expect(await redeem(await open())).not.toHaveProperty('refresh_token')
  })

  it('is for a device to ask as well', async () => {
    const { client } = await startWithClient()
    const { json } = await client.register({ grant_types: [DEVICE, 'refresh_token'], redirect_uris: undefined })
    const client_id = json.client_id as string
    const { json: asked } = await client.form('/oauth/device_authorization', { client_id, scope: ALL })
    const browser = createBrowser()
    const code = await browser.open(asked.verification_uri_complete)
    const confirm = await browser.submit(code, 'user_code', { user_code: asked.user_code })
    const people = await browser.submit(confirm, 'confirm', { confirm: 'yes' })
    const page = await browser.submit(people, 'user', { user: 'ada' })
    await browser.submit(page, 'decision', { decision: 'allow', scope: 'notes:write', stay: undefined })
    const { json: tokens } = await client.token({ grant_type: DEVICE, client_id, device_code: asked.device_code })
    expect(tokens.scope).toBe('notes:write')
    expect(tokens).not.toHaveProperty('refresh_token')
  })
})

it('somebody who may grant nothing of what was left ticked is asked, and by name', async () => {
  const upstream = provider()
  upstream.user = ben
  const { open, allow, redeem } = await start({ upstream })
  const page = await allow(await open(), { scope: ['notes:write', 'notes:admin'] })
  expect(isConsent(page)).toBe(true)
  expect(page.text).toContain('as <strong><bdi>Ben</bdi></strong>')
  expect((await redeem(await allow(page))).scope).toBe('notes:read')
})

it('an ID token that is asked for is named, too', async () => {
  const { open } = await start()
  expect((await open('openid notes:read')).text).toContain('Recognize you the next time')
  expect((await open('notes:read')).text).not.toContain('Recognize you')
})

describe('the page says who vouches for a client', () => {
  it('that registered itself: nobody', async () => {
    const { open } = await start()
    expect((await open()).text).toContain('Nobody has checked this name')
  })

  it('that the operator set up: the people who run the server', async () => {
    const known = { client_id: 'known', client_name: 'Known', redirect_uris: [REDIRECT] }
    const { browser, client } = await start({ clients: [{ ...known, token_endpoint_auth_method: 'none' }] })
    const page = await browser.open(client.authorizeUrl('known').url)
    const { text } = await browser.submit(page, 'user', { user: 'ada' })
    expect(text).toContain('The people who run this server')
    expect(text).not.toContain('Nobody has checked')
  })
})

it('the sign-in page says for what, also after the person went back to it', async () => {
  const { browser, client, clientId } = await start()
  const page = await browser.open(client.authorizeUrl(clientId).url)
  expect(page.text).toMatch(/<bdi>Claude Code<\/bdi>[\s\S]*Asks to use<\/dt><dd>Notes/)
  await browser.submit(page, 'user', { user: 'ada' })
  expect((await browser.open(page.url)).text).toContain('Claude Code')
})

it.each<[string, string, string]>([
  ['plain', 'Claude Code', 'Claude Code'],
  ['of blank letters', '\u3164\u115f\u2800\uffa0', 'the-id'],
  ['of marks alone', '\u0335\u0310', 'the-id'],
  ['of spaces and invisible characters', ' \u00a0\u200b\u3000\u2060', 'the-id'],
  ['with blank letters inside', 'Claude\u3164\u2800Code', 'ClaudeCode'],
  ['with towers of marks', `e${'\u0316'.repeat(30)}vil`, 'e\u0316\u0316\u0316vil'],
  ['with marks on a space', 'a \u0338\u0338b', 'a b'],
  ['that turns the writing', 'evil\u202etxt.exe\u2066', 'eviltxt.exe'],
  ['over several lines', 'Claude\n\nCode\u2028!', 'Claude Code !'],
  ['in Hindi', 'नोट्स सहायक', 'नोट्स सहायक'],
  ['in Vietnamese, decomposed', 'Tro\u031b\u0323 ly\u0301', 'Trợ lý'],
  ['in Thai', 'ผู้ช่วยบันทึก', 'ผู้ช่วยบันทึก'],
  ['with an emoji', '📝 Notes', '📝 Notes'],
  ['too long', 'x'.repeat(80), `${'x'.repeat(60)}…`],
])('a name %s', (_name, clientName, shown) => {
  expect(displayName({ clientName, clientId: 'the-id' })).toBe(shown)
})
