import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { isPublicAddress } from '../../demo-as/clients/public-addresses.ts'
import type { Upstream } from '../../demo-as/upstream/upstream.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { basic, distantStores, files, notes, REDIRECT, RESOURCE, startWithClient } from './support.ts'

// What went wrong at others, played through here. docs/threat-model.md has the defences.

async function start(options: Parameters<typeof startWithClient>[0] = {}, metadata: Record<string, unknown> = {}) {
  const server = await startWithClient(options)
  const { json } = await server.client.register(metadata)
  return { ...server, clientId: json.client_id as string, secret: json.client_secret as string | undefined }
}

type Started = Awaited<ReturnType<typeof start>>

const authorize = ({ client, clientId }: Started, changes: Record<string, string | undefined> = {}) =>
  createBrowser().open(client.authorizeUrl(clientId, changes).url)

/** Whatever is wrong with the request, its answer went nowhere. */
function expectNoRedirect(page: Page, { origin }: Started): void {
  expect(page.url.origin).toBe(origin)
  expect(page.status).toBe(400)
}

describe('redirect URIs', () => {
  it('CVE-2025-4143: one that is not registered is refused at the authorization endpoint already', async () => {
    const server = await start()
    expectNoRedirect(await authorize(server, { redirect_uri: 'https://evil.example.com/callback' }), server)
  })

  it('CVE-2025-4143: and again at the token endpoint', async () => {
    const { client, clientId } = await start()
    const { fields } = await client.obtainCode(clientId)
    const redirect_uri = 'https://evil.example.com/callback'
    expect((await client.token({ ...fields, redirect_uri })).json.error).toBe('invalid_grant')
  })

  it.each([
    ['workers-oauth-provider 0.0.12', 'JAVASCRIPT:alert(1)'],
    ['workers-oauth-provider 0.0.13', '\u0001javascript:alert(1)'],
    ['workers-oauth-provider 0.0.13', 'java\nscript:alert(1)'],
    ['GHSA-q9xg-f2v2-695g', 'javascript:alert(1)'],
    ['GHSA-q9xg-f2v2-695g', 'data:text/html,x'],
    ['GHSA-8gcw-8ch3-fh9v', 'https://example.com/callback/../../steal'],
    ['GHSA-8gcw-8ch3-fh9v', 'https://example.com/callback/%2e%2e/steal'],
    ['CVE-2026-3872', 'https://example.com/callback/..;/steal'],
  ])('%s: %j is not registered', async (_advisory, uri) => {
    const { client } = await startWithClient()
    expect((await client.register({ redirect_uris: [uri] })).json.error).toBe('invalid_redirect_uri')
  })

  it.each(['/steal', '/../steal', '/%2e%2e/steal', '/..;/steal', '*'])(
    'GHSA-8gcw-8ch3-fh9v: %s after a registered one matches nothing',
    async suffix => {
      const server = await start({}, { redirect_uris: ['https://example.com/callback'] })
      expectNoRedirect(await authorize(server, { redirect_uri: `https://example.com/callback${suffix}` }), server)
    },
  )

  it('mcp-atlassian #1533: the callback of a bridge is no redirect URI', async () => {
    const upstream: Upstream = {
      name: 'Example',
      depart: async () => ({ url: 'https://upstream.example/' }),
      identify: async () => ({ outcome: 'nobody' }),
    }
    const { client, origin } = await startWithClient({ upstream })
    const { json } = await client.register({ redirect_uris: [`${origin}/oauth/callback`] })
    expect(json.error).toBe('invalid_redirect_uri')
  })
})

describe('PKCE', () => {
  it.each([
    ['CVE-2025-4144: left out', { code_challenge: undefined, code_challenge_method: undefined }],
    ['workers-oauth-provider 0.8.3: with a method that nobody knows', { code_challenge_method: 'S512' }],
    ['with the method plain', { code_challenge_method: 'plain' }],
  ])('%s is refused', async (_name, changes) => {
    const server = await start()
    expect((await authorize(server, changes)).url.searchParams.get('error')).toBe('invalid_request')
  })

  it('CVE-2025-4144: is not skipped by leaving out the verifier', async () => {
    const { client, clientId } = await start()
    const { fields } = await client.obtainCode(clientId)
    expect((await client.token({ ...fields, code_verifier: undefined })).json.error).toBe('invalid_grant')
  })
})

describe('consent', () => {
  it.each(['GHSA-c2jp-c369-7pvx', 'Obsidian Security 2025-06'])(
    '%s: given to one client is none for another, in the same browser',
    async () => {
      const { client, clientId } = await start()
      const { json: other } = await client.register({ redirect_uris: ['https://evil.example.com/callback'] })
      const browser = createBrowser()
      const signInPage = await browser.open(client.authorizeUrl(clientId).url, { 'sec-fetch-site': 'none' })
      const consent = await browser.submit(signInPage, 'user', { user: 'ada' })
      await browser.submit(consent, 'decision', { decision: 'allow', remember: 'yes' })
      const redirect_uri = 'https://evil.example.com/callback'
      const { url } = client.authorizeUrl(other.client_id, { redirect_uri })
      const next = await browser.submit(await browser.open(url, { 'sec-fetch-site': 'none' }), 'user', { user: 'ada' })
      expect(next.text).toContain('evil.example.com')
      expect(next.url.pathname).toBe('/oauth/consent')
    },
  )

  it('CVE-2026-45337: a device code belongs to the browser that claimed it first', async () => {
    const { client } = await startWithClient()
    const { json } = await client.register({
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      redirect_uris: undefined,
    })
    const { json: asked } = await client.form('/oauth/device_authorization', { client_id: json.client_id })
    const claim = async () => {
      const browser = createBrowser()
      const form = await browser.open(asked.verification_uri)
      return { browser, page: await browser.submit(form, 'user_code', { user_code: asked.user_code }) }
    }
    const [first, second] = [await claim(), await claim()]
    expect((await first.browser.submit(first.page, 'confirm', { confirm: 'yes' })).text).toContain('Sign in')
    expect((await second.browser.submit(second.page, 'confirm', { confirm: 'yes' })).text).not.toContain('Sign in')
  })
})

describe('grants', () => {
  it('workers-oauth-provider 0.8.3: a code is not burned by a request for a wrong resource', async () => {
    const { client, clientId } = await start({ resources: [notes, files] })
    const { fields } = await client.obtainCode(clientId)
    expect((await client.token({ ...fields, resource: files.resource })).json.error).toBe('invalid_target')
    expect((await client.token(fields)).status).toBe(200)
  })

  it('CVE-2025-69196: a token is for the resource that was asked for, and nothing to another server', async () => {
    const { client } = await start({ resources: [notes, files] })
    const { tokens } = await client.obtainTokens({ resource: RESOURCE })
    const other: [string, string] = [files.clientId, files.clientSecret]
    expect((await client.introspect(tokens.access_token)).json.aud).toBe(RESOURCE)
    expect((await client.introspect(tokens.access_token, other)).json).toEqual({ active: false })
  })

  it('GHSA-p2fr-6hmx-4528: a refresh widens neither resource nor scope', async () => {
    const { client } = await start({ resources: [notes, files] })
    const { clientId, tokens } = await client.obtainTokens({ scope: 'notes:read' })
    const refresh = (changes: Record<string, string>) => client.refresh(clientId, tokens.refresh_token, changes)
    expect((await refresh({ resource: files.resource })).json.error).toBe('invalid_target')
    expect((await refresh({ scope: 'notes:read notes:admin' })).json.error).toBe('invalid_scope')
  })

  it.each([['wrong'], [undefined]])(
    'GHSA-pw9m-5jxm-xr6h: a confidential client does not refresh with the secret %s',
    async secret => {
      const { client, clientId, secret: right } = await start({}, { token_endpoint_auth_method: 'client_secret_basic' })
      const { fields } = await client.obtainCode(clientId)
      const authorization = basic(clientId, right ?? '')
      const { json } = await client.token(fields, { authorization })
      const headers = secret === undefined ? undefined : { authorization: basic(clientId, secret) }
      const refused = await client.token(
        { grant_type: 'refresh_token', client_id: clientId, refresh_token: json.refresh_token },
        headers,
      )
      expect(refused).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
    },
  )

  it('GHSA-7w99-5wm4-3g79: a code redeemed many times at once gives tokens to one at most', async () => {
    const { client, clientId } = await start({ stores: distantStores() })
    const { fields } = await client.obtainCode(clientId)
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.token(fields)))
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
  })
})

describe('registration', () => {
  it('punkpeye/fastmcp #201: answers with credentials of its own, different for everybody', async () => {
    const { client } = await startWithClient()
    const secretOf = async () => {
      const { json } = await client.register({ token_endpoint_auth_method: 'client_secret_post' })
      return [json.client_id, json.client_secret]
    }
    const all = [await secretOf(), await secretOf()].flat()
    expect(new Set(all).size).toBe(4)
  })

  it('CVE-2026-41427: gives no privileges, whatever it asks for', async () => {
    const { client, clientId, secret } = await start(
      {},
      {
        client_id: notes.clientId,
        grant_types: ['client_credentials'],
        redirect_uris: undefined,
        token_endpoint_auth_method: 'client_secret_basic',
        scope: 'notes:admin',
      },
    )
    expect(clientId).not.toBe(notes.clientId)
    const authorization = basic(clientId, secret ?? '')
    const fields = { grant_type: 'client_credentials', scope: 'notes:admin' }
    expect((await client.token(fields, { authorization })).json.error).toBe('invalid_scope')
    const { tokens } = await client.obtainTokens()
    expect((await client.introspect(tokens.access_token, [clientId, secret ?? ''])).json).toEqual({ active: false })
  })

  it('GHSA-5rr4-8452-hf4v: has nothing fetched for a stranger', async () => {
    const { client } = await startWithClient()
    for (const member of ['jwks_uri', 'sector_identifier_uri', 'request_uris']) {
      const value = 'https://169.254.169.254/x'
      const { status, json } = await client.register({ [member]: member === 'request_uris' ? [value] : value })
      if (status === 201) expect(json).not.toHaveProperty(member)
      else expect(json.error).toBe('invalid_client_metadata')
    }
  })
})

describe('the edge', () => {
  it.each(['::ffff:127.0.0.1', '::ffff:0:127.0.0.1', '64:ff9b::127.0.0.1', '64:ff9b:1::127.0.0.1', '2002:7f00:1::'])(
    'FastMCP #4400, #4426: %s is this machine, whatever its form',
    address => {
      expect(isPublicAddress(address)).toBe(false)
    },
  )

  it('GHSA-9h47-pqcx-hjr4: metadata offers no algorithm "none", no plain PKCE and no implicit grant', async () => {
    const { origin } = await startWithClient()
    const metadata = (await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).json()) as object
    expect(JSON.stringify({ ...metadata, token_endpoint_auth_methods_supported: [] })).not.toMatch(
      /"none"|"plain"|"implicit"|"password"|"HS256"/,
    )
  })

  it('GHSA-7x63-xv5r-3p2x: forwarding headers lead nowhere', async () => {
    const { origin } = await startWithClient()
    const forged = {
      'x-forwarded-host': 'evil.example.com',
      'x-forwarded-uri': '/health',
      'x-forwarded-proto': 'https',
    }
    const response = await fetch(`${origin}/.well-known/oauth-authorization-server`, { headers: forged })
    expect(await response.text()).not.toContain('evil.example.com')
  })

  it('GHSA-w48q-cv73-mx4w: a name that was rebound to this machine is not served', async () => {
    const { origin } = await startWithClient()
    const status = await new Promise(resolve =>
      request(`${origin}/oauth/jwks`, { headers: { host: 'evil.example.com' } }, res => resolve(res.statusCode)).end(),
    )
    expect(status).toBe(421)
  })

  it('GHSA-f24x-5g9q-753f: a sign-in cookie that was planted in the browser is not taken over', async () => {
    const { client, clientId } = await start()
    const planted = 'x'.repeat(43)
    const { url } = client.authorizeUrl(clientId, { redirect_uri: REDIRECT })
    const response = await fetch(url, { redirect: 'manual', headers: { cookie: `_session=${planted}` } })
    expect(response.headers.getSetCookie().join()).not.toContain(planted)
  })
})
