import { describe, expect, it } from 'vitest'
import type { AuthorizationServerOptions, OperatorClient } from '../../demo-as/server.ts'
import type { Identification, SignedInUser, Upstream } from '../../demo-as/upstream/upstream.ts'
import { createBrowser } from '../support/browser.ts'
import { basic, createClient, startServer } from './support.ts'

const ada: SignedInUser = { subject: 'example:1', username: 'ada', name: 'Ada', scopes: ['notes:read', 'notes:write'] }
const upstream: Upstream = {
  name: 'Example ID',
  depart: async ({ state }) => ({ url: `https://upstream.example/login?${new URLSearchParams({ state })}` }),
  async identify(answer): Promise<Identification> {
    return answer.get('code') === 'ada' ? { outcome: 'signed_in', user: ada } : { outcome: 'nobody' }
  },
}

const CALLBACK = 'https://portal.example.com/callback'
const SECRET = 'the-secret-of-the-portal'
const signsIn = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code' as const] }
const portal: OperatorClient = {
  ...signsIn,
  client_id: 'portal',
  client_name: 'Portal',
  client_secret: SECRET,
  token_endpoint_auth_method: 'client_secret_basic',
  redirect_uris: [CALLBACK],
}
const desk: OperatorClient = {
  ...signsIn,
  client_id: 'desk',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['acme-desk://callback', 'http://localhost/callback'],
}

/** @param clients - Those that the operator set up. */
async function start(clients: OperatorClient[], options: Partial<AuthorizationServerOptions> = {}) {
  const { origin, events } = await startServer({ upstream, clients, ...options })
  const client = createClient(origin)
  const browser = createBrowser()
  /** Opens an authorization request. */
  async function open(clientId: string, redirect_uri: string, changes: Record<string, string> = {}) {
    const { url, verifier } = client.authorizeUrl(clientId, { redirect_uri, ...changes })
    return { page: await browser.open(url, { 'sec-fetch-site': 'cross-site' }), verifier }
  }
  const comeBack = (departed: URL) => {
    const state = departed.searchParams.get('state') ?? ''
    return browser.open(`${origin}/oauth/callback?${new URLSearchParams({ state, code: 'ada' })}`)
  }
  return { origin, events, client, browser, open, comeBack }
}

const wayOf = (page: { url: URL }) => page.url.origin + page.url.pathname

describe('a client that the operator set up', () => {
  it('signs people in after their consent, with the secret that it has', async () => {
    const { client, browser, open, comeBack } = await start([portal])
    const { page, verifier } = await open('portal', CALLBACK)
    expect(page.text).toContain('Portal')
    const away = await browser.submit(page, 'decision', { decision: 'allow' })
    const back = await comeBack(away.url)
    expect(wayOf(back)).toBe(CALLBACK)
    const fields = {
      grant_type: 'authorization_code',
      code: back.url.searchParams.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: CALLBACK,
    }
    expect((await client.token({ ...fields, client_id: 'portal' })).json).toMatchObject({ error: 'invalid_client' })
    const { json } = await client.token(fields, { authorization: basic('portal', SECRET) })
    expect(json).toMatchObject({ scope: 'notes:read notes:write', refresh_token: expect.any(String) })
  })

  it('is not limited by what it may have in its own name', async () => {
    const machine = { ...portal, grant_types: [...signsIn.grant_types, 'client_credentials'], scope: 'notes:read' }
    const { client, browser, open, comeBack } = await start([machine])
    const { page, verifier } = await open('portal', CALLBACK)
    const back = await comeBack((await browser.submit(page, 'decision', { decision: 'allow' })).url)
    const code = back.url.searchParams.get('code') ?? ''
    const authorization = basic('portal', SECRET)
    const fields = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: CALLBACK }
    expect((await client.token(fields, { authorization })).json.scope).toBe('notes:read notes:write')
    const own = {
      grant_type: 'client_credentials',
      resource: 'http://localhost:3232/mcp',
      scope: 'notes:read notes:write',
    }
    expect((await client.token(own, { authorization })).json.scope).toBe('notes:read')
  })

  it.each(['acme-desk://callback', 'http://localhost:5151/callback'])(
    'may be public, with a scheme of its own and any port: %s',
    async redirectUri => {
      const { client, browser, open, comeBack } = await start([desk])
      const { page, verifier } = await open('desk', redirectUri)
      const back = await comeBack((await browser.submit(page, 'decision', { decision: 'allow' })).url)
      const fields = {
        grant_type: 'authorization_code',
        client_id: 'desk',
        code: back.url.searchParams.get('code') ?? '',
        code_verifier: verifier,
        redirect_uri: redirectUri,
      }
      expect((await client.token(fields)).json.scope).toBe('notes:read notes:write')
    },
  )

  it('has nobody sent to an address that it did not name', async () => {
    const { open } = await start([portal, desk])
    expect((await open('portal', 'https://portal.example.com/other')).page.status).toBe(400)
    expect((await open('desk', 'other-app://callback')).page.status).toBe(400)
  })
})

describe('a trusted client', () => {
  const trusted = { ...portal, trusted: true }

  it('signs people in without asking them', async () => {
    const { open, comeBack, events } = await start([trusted])
    const { page } = await open('portal', CALLBACK)
    expect(wayOf(page)).toBe('https://upstream.example/login')
    const back = await comeBack(page.url)
    expect(wayOf(back)).toBe(CALLBACK)
    expect(back.url.searchParams.has('code')).toBe(true)
    const facts = expect.objectContaining({ subject: ada.subject, clientId: 'portal', scopes: ada.scopes })
    expect(events).toContainEqual({ event: 'consent_given', facts })
  })

  it('gets no more than the person may grant, and nothing of somebody else', async () => {
    const { open, comeBack } = await start([trusted])
    const { page } = await open('portal', CALLBACK, { scope: 'notes:admin' })
    expect(wayOf(await comeBack(page.url))).not.toBe(CALLBACK)
  })

  it('has them asked when it wants that', async () => {
    const { open } = await start([trusted])
    expect((await open('portal', CALLBACK, { prompt: 'consent' })).page.url.pathname).toBe('/oauth/consent')
  })

  it('is nobody who only registers under its name', async () => {
    const { client, open } = await start([trusted])
    const { json } = await client.register({ client_name: 'Portal', redirect_uris: [CALLBACK] })
    expect((await open(json.client_id, CALLBACK)).page.url.pathname).toBe('/oauth/consent')
  })
})

describe('where other clients may have people sent back to', () => {
  const register = async (redirects: AuthorizationServerOptions['redirects'], ...redirect_uris: string[]) => {
    const { client } = await start([], { redirects })
    return (await client.register({ redirect_uris })).status
  }

  it.each([
    ['https://claude.ai/callback', 201],
    ['https://evil.example/callback', 400],
    ['https://claude.ai:8443/callback', 400],
    ['http://localhost:7777/callback', 201],
    ['cursor://callback', 201],
    ['acme-desk://callback', 400],
  ])('hosts that are listed, and this computer: %s', async (uri, status) => {
    expect(await register({ hosts: ['claude.ai'] }, uri)).toBe(status)
  })

  it.each([
    ['acme-desk://callback', 201],
    ['acme-desk2://callback', 400],
    ['https://evil.example/callback', 201],
  ])('schemes that are listed: %s', async (uri, status) => {
    expect(await register({ schemes: ['acme-desk'] }, uri)).toBe(status)
  })
})
