import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { createBrowser, signIn } from '../support/browser.ts'
import { createClient, files, notes, REDIRECT, RESOURCE, startServer } from './support.ts'

/** A registered public client of a new server. */
async function start(options: Parameters<typeof startServer>[0] = {}, metadata: Record<string, unknown> = {}) {
  const { origin, events } = await startServer(options)
  const client = createClient(origin)
  const { json } = await client.register(metadata)
  return { origin, events, client, clientId: json.client_id as string }
}

describe('an authorization request is refused by redirect, with iss and state,', () => {
  it.each([
    ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['with PKCE method plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['with PKCE method left out', { code_challenge_method: undefined }, 'invalid_request'],
    ['with a short code_challenge', { code_challenge: 'short' }, 'invalid_request'],
    ['for a resource of somebody else', { resource: 'https://elsewhere.example.com/mcp' }, 'invalid_target'],
    ['for a resource below ours', { resource: `${RESOURCE}/x` }, 'invalid_target'],
    ['for a resource that is no URI', { resource: 'notes' }, 'invalid_target'],
    ['with response_type none', { response_type: 'none' }, 'unsupported_response_type'],
    ['with response_mode form_post', { response_mode: 'form_post' }, 'unsupported_response_mode'],
    ['with response_mode fragment', { response_mode: 'fragment' }, 'unsupported_response_mode'],
    ['with prompt none', { prompt: 'none' }, 'login_required'],
    ['with a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    ['with a request_uri', { request_uri: 'https://evil.example.com/r' }, 'request_uri_not_supported'],
  ])('%s', async (_name, changes, error) => {
    const { origin, client, clientId } = await start()
    const { url } = await createBrowser().open(client.authorizeUrl(clientId, changes).url)
    expect(`${url.origin}${url.pathname}`).toBe(REDIRECT)
    expect(url.searchParams.get('error')).toBe(error)
    expect(url.searchParams.get('iss')).toBe(origin)
    expect(url.searchParams.get('state')).toBe('af0ifjsldkj')
    expect(url.searchParams.has('code')).toBe(false)
  })

  it('for two resources at once', async () => {
    const { client, clientId } = await start({ resources: [notes, files] })
    const { url } = client.authorizeUrl(clientId)
    url.searchParams.append('resource', files.resource)
    const page = await createBrowser().open(url)
    expect(page.url.searchParams.get('error')).toBe('invalid_target')
  })

  it('without resource, when there is more than one MCP server', async () => {
    const { client, clientId } = await start({ resources: [notes, files] })
    const page = await createBrowser().open(client.authorizeUrl(clientId, { resource: undefined }).url)
    expect(page.url.searchParams.get('error')).toBe('invalid_target')
  })
})

describe('before anybody was asked, an error goes', () => {
  const SITE = 'https://client.example.com/callback'
  const wrong = { prompt: 'none' }

  it.each([
    ['a site', SITE, 'client.example.com'],
    ['a program that opens a scheme', 'cursor://anysphere.cursor-retrieval/callback', 'cursor:'],
  ])('to %s of a client that registered itself by a page, which the person has to leave', async (_name, uri, shown) => {
    const { origin, client, clientId, events } = await start({}, { redirect_uris: [uri] })
    const { url } = client.authorizeUrl(clientId, { redirect_uri: uri, ...wrong })
    const page = await createBrowser().open(url)
    expect(page).toMatchObject({ status: 400, url })
    expect(page.headers.get('location')).toBe(null)
    expect(page.text).not.toContain('http-equiv')
    expect(page.text).toContain(`<strong>${shown}</strong>`)
    expect(page.text).toContain('<bdi>Test client</bdi>')
    expect(page.text).toContain('login_required')
    const href = /class="button" href="([^"]*)"/.exec(page.text)?.[1]?.replace(/&#38;/g, '&') ?? ''
    expect(href.startsWith(uri)).toBe(true)
    const answer = Object.fromEntries(new URL(href).searchParams)
    expect(answer).toMatchObject({ error: 'login_required', iss: origin, state: 'af0ifjsldkj' })
    expect(events.at(-1)).toMatchObject({ event: 'authorization_refused', facts: { clientId } })
  })

  it('nowhere by itself, whatever part of the address it would be in', async () => {
    const { origin, client, clientId } = await start({}, { redirect_uris: [SITE] })
    for (const response_type of ['token', 'id_token', 'code token', 'none', 'x']) {
      const page = await createBrowser().open(client.authorizeUrl(clientId, { redirect_uri: SITE, response_type }).url)
      expect(page).toMatchObject({ status: 400, url: { origin } })
      expect(page.text).toContain('unsupported_response_type')
    }
  })

  it('to a site of a client that the operator set up at once', async () => {
    const known = { client_id: 'known', redirect_uris: [SITE], token_endpoint_auth_method: 'none' as const }
    const { client } = await start({ clients: [known] })
    const { url } = await createBrowser().open(client.authorizeUrl('known', { redirect_uri: SITE, ...wrong }).url)
    expect(url.href.startsWith(`${SITE}?error=login_required`)).toBe(true)
  })
})

describe('an authorization request is refused by a page and never by a redirect,', () => {
  it.each([
    ['another path', `${REDIRECT}/more`],
    ['another name for this machine', 'http://127.0.0.1:7777/callback'],
    ['another host', 'https://evil.example.com/callback'],
    ['a query that was not registered', `${REDIRECT}?next=x`],
    ['credentials in it', 'http://user:pw@localhost:7777/callback'],
    ['a host that only begins like this machine', 'http://localhost.evil.example.com:7777/callback'],
    ['a dot segment', 'http://localhost:7777/x/../callback'],
    ['a percent-encoded dot segment', 'http://localhost:7777/x/%2e%2e/callback'],
    ['a fragment', `${REDIRECT}#x`],
    ['script', 'javascript:alert(1)'],
  ])('for a redirect URI with %s', async (_name, redirect_uri) => {
    const { origin, client, clientId } = await start()
    const page = await createBrowser().open(client.authorizeUrl(clientId, { redirect_uri }).url)
    expect(page.url.origin).toBe(origin)
    expect(page.status).toBe(400)
    expect(page.text).toContain('that it did not register')
  })

  it('for a redirect URI on any loopback port that leads to the sign-in of this server', async () => {
    const callback = 'http://localhost:9/fakeupstreamauth/callback'
    const { origin, client, clientId } = await start({}, { redirect_uris: [callback] })
    const redirect_uri = `${origin}/fakeupstreamauth/callback`
    const page = await createBrowser().open(client.authorizeUrl(clientId, { redirect_uri }).url)
    expect(page.status).toBe(400)
    expect(page.text).toContain('that it did not register')
  })

  it('for a client that is not registered, saying what to do', async () => {
    const { origin, client } = await start()
    const page = await createBrowser().open(client.authorizeUrl('<b>gone</b>').url)
    expect(page.url.origin).toBe(origin)
    expect(page.status).toBe(400)
    expect(page.text).toContain('Remove what it has stored for this server')
    expect(page.text).toContain('&#60;b&#62;gone')
    expect(page.text).not.toContain('<b>gone')
  })
})

describe('redirect URIs', () => {
  it.each([
    ['http://localhost:7777/callback', 'http://localhost:1234/callback'],
    ['http://localhost/callback', 'http://localhost:1234/callback'],
    ['http://127.0.0.1:7777/callback', 'http://127.0.0.1:1234/callback'],
    ['http://[::1]:7777/callback', 'http://[::1]:1234/callback'],
    ['cursor://anysphere.cursor-retrieval/oauth/callback', 'cursor://anysphere.cursor-retrieval/oauth/callback'],
    ['com.example.app:/callback', 'com.example.app:/callback'],
    ['https://claude.example.com/api/callback', 'https://claude.example.com/api/callback'],
  ])('%s serves %s', async (registered, redirect_uri) => {
    const { client, clientId } = await start({}, { redirect_uris: [registered] })
    const { callback, fields } = await client.obtainCode(clientId, { redirect_uri })
    expect(callback.href.split('?')[0]).toBe(redirect_uri)
    expect((await client.token(fields)).status).toBe(200)
  })

  it('is checked again at the token endpoint', async () => {
    const { client, clientId } = await start()
    const { fields } = await client.obtainCode(clientId)
    const refused = await client.token({ ...fields, redirect_uri: 'http://localhost:7778/callback' })
    expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  })
})

describe('resource', () => {
  it.each([
    ['as it is', RESOURCE, RESOURCE],
    ['with a slash added in both requests', `${RESOURCE}/`, `${RESOURCE}/`],
    ['with a slash added in the first request', `${RESOURCE}/`, RESOURCE],
    ['with a slash added in the second request', RESOURCE, `${RESOURCE}/`],
    ['left out in the second request', RESOURCE, undefined],
    ['left out in both, as 2025-03-26 clients do', undefined, undefined],
  ])('%s gives a token for the canonical spelling', async (_name, first, second) => {
    const { client, clientId } = await start()
    const { fields } = await client.obtainCode(clientId, { resource: first })
    const { status, json } = await client.token({ ...fields, resource: second })
    expect(status).toBe(200)
    expect((await client.introspect(json.access_token)).json.aud).toBe(RESOURCE)
  })

  it.each([
    ['of another known server', files.resource],
    ['of a stranger', 'https://elsewhere.example.com'],
  ])('%s at the token endpoint is invalid_target and does not use up the code', async (_name, resource) => {
    const { client, clientId } = await start({ resources: [notes, files] })
    const { fields } = await client.obtainCode(clientId)
    const refused = await client.token({ ...fields, resource })
    expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_target' } })
    expect((await client.token(fields)).status).toBe(200)
  })
})

describe('scope', () => {
  it.each([
    ['left out', undefined, 'notes:read'],
    ['unknown only', 'profile email', 'notes:read'],
    ['partly unknown', 'email notes:write', 'notes:write'],
    ['of OpenID Connect only', 'openid', 'notes:read'],
    ['with blanks to spare', ' notes:read  notes:write ', 'notes:read notes:write'],
  ])('%s grants %s -> %s', async (_name, scope, granted) => {
    const { client } = await start()
    const { tokens } = await client.obtainTokens({ scope })
    expect(tokens.scope).toBe(granted)
  })

  it.each([
    ['ada', 'notes:read notes:write notes:admin'],
    ['Ben', 'notes:read notes:write'],
    ['cleo', 'notes:read'],
    ['Grace Hopper', 'notes:read notes:write'],
  ])('is cut to what %s may grant', async (user, granted) => {
    const { client } = await start()
    const { tokens } = await client.obtainTokens({ scope: 'notes:read notes:write notes:admin' }, user)
    expect(tokens.scope).toBe(granted)
  })

  it('that the user may not grant at all leads back with access_denied', async () => {
    const { origin, client, clientId } = await start()
    const browser = createBrowser()
    const first = await browser.open(client.authorizeUrl(clientId, { scope: 'notes:admin' }).url)
    const consent = await browser.submit(first, 'user', { user: 'cleo' })
    expect(consent.url.origin).toBe(origin)
    expect(consent.text).not.toContain('value="allow"')
    // Pressed anyway, by a form of one's own.
    const end = await browser.submit(consent, 'decision', { decision: 'allow' })
    expect(end.url.searchParams.get('error')).toBe('access_denied')
  })

  it('may be widened by a second authorization: a registered scope is no limit', async () => {
    const { client, clientId } = await start({}, { scope: 'notes:read' })
    const { fields } = await client.obtainCode(clientId, { scope: 'notes:read notes:write' })
    expect((await client.token(fields)).json.scope).toBe('notes:read notes:write')
  })
})

describe('what OpenID Connect defines', () => {
  it.each([
    ['nonce', 'n-0S6_WzA2Mj'],
    ['max_age', '0'],
    ['acr_values', 'urn:mace:incommon:iap:silver'],
    ['id_token_hint', 'of.another.server'],
  ])('turns nobody away who asks for no ID token: %s', async (name, value) => {
    const { client } = await start()
    const { tokens } = await client.obtainTokens({ [name]: value })
    expect(tokens).toMatchObject({ scope: 'notes:read notes:write' })
  })

  it('is heard from those who ask for one, but for the hint of an old one', async () => {
    const { client, clientId } = await start()
    const asked = { scope: 'openid notes:read', nonce: 'n-0S6_WzA2Mj', id_token_hint: 'of.another.server' }
    const { json } = await client.token((await client.obtainCode(clientId, asked)).fields)
    expect(decodeJwt(json.id_token)).toMatchObject({ nonce: 'n-0S6_WzA2Mj', sub: 'ada' })
    const { url } = client.authorizeUrl(clientId, { scope: 'openid', max_age: 'x' })
    expect((await createBrowser().open(url)).url.searchParams.get('error')).toBe('invalid_request')
  })
})

describe('prompt', () => {
  it.each(['consent', 'login', 'select_account', 'login consent'])('%s is what happens anyway', async prompt => {
    const { client, clientId } = await start()
    const callback = await signIn(client.authorizeUrl(clientId, { prompt }).url)
    expect(callback.searchParams.has('code')).toBe(true)
  })

  it('is not needed for another user to sign in in the same browser', async () => {
    const { client, clientId } = await start()
    const browser = createBrowser()
    for (const user of ['ada', 'ben']) {
      const { url, verifier } = client.authorizeUrl(clientId)
      const callback = await signIn(url, { user, browser })
      const code = callback.searchParams.get('code') ?? ''
      const { json } = await client.token({
        grant_type: 'authorization_code',
        client_id: clientId,
        code,
        code_verifier: verifier,
        redirect_uri: REDIRECT,
      })
      expect((await client.introspect(json.access_token)).json.sub).toBe(user)
    }
  })
})
