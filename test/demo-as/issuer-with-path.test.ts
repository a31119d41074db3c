import { describe, expect, it, onTestFinished } from 'vitest'
import { redirectUriProblem } from '../../demo-as/redirect-uris.ts'
import { type AuthorizationServerOptions, createAuthorizationServer } from '../../demo-as/server.ts'
import type { Upstream } from '../../demo-as/upstream/upstream.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { freePort, listen } from '../support/http.ts'
import { createClient, notes } from './support.ts'

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'
const DOCUMENTS = ['oauth-authorization-server', 'openid-configuration'].map(name => `/.well-known/${name}`)

/** A host on which only `mount` is the authorization server's; everything else is somebody else's. */
async function start(mount = '/team-a', options: Partial<AuthorizationServerOptions> = {}) {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const issuer = origin + mount
  const server = await createAuthorizationServer({ issuer, resources: [notes], ...options })
  const paths: string[] = []
  const { close } = await listen((req, res) => {
    const [path = ''] = (req.url ?? '').split('?')
    paths.push(path)
    if (path.startsWith(`${mount}/`) || DOCUMENTS.some(name => path === name + mount)) server.handler(req, res)
    else res.writeHead(404).end()
  }, port)
  onTestFinished(close)
  return { origin, issuer, server, paths, client: createClient(issuer) }
}

/** Opens what a page embeds, as a browser would. */
async function embedded({ text, url }: Page): Promise<number[]> {
  const addresses = [...text.matchAll(/<link rel="[^"]*" href="([^"]*)"/g)].map(([, href = '']) => new URL(href, url))
  return Promise.all(addresses.map(async address => (await fetch(address)).status))
}

describe('an issuer with a path', () => {
  it('publishes its metadata below the path and where RFC 8414 puts it, and every endpoint below the path', async () => {
    const { origin, issuer } = await start()
    for (const name of DOCUMENTS) {
      const [inserted, appended] = await Promise.all(
        [`${origin}${name}/team-a`, `${issuer}${name}`].map(async url => (await fetch(url)).json()),
      )
      expect(inserted).toEqual(appended)
      expect(inserted).toMatchObject({ issuer, token_endpoint: `${issuer}/oauth/token` })
      const { issuer: _, ...metadata } = inserted as Record<string, unknown>
      const urls = Object.values(metadata).filter(value => String(value).startsWith('http'))
      expect(urls.length).toBeGreaterThan(5)
      for (const url of urls) expect(url).toMatch(`${issuer}/oauth/`)
    }
  })

  it('shows its pages, with their styles, below the path, and gives tokens', async () => {
    const { issuer, client, paths } = await start()
    const { json } = await client.register()
    const { url, verifier } = client.authorizeUrl(json.client_id)
    const browser = createBrowser()
    const people = await browser.open(url)
    expect(await embedded(people)).toEqual([200, 200])
    const consent = await browser.submit(people, 'user', { user: 'ada' })
    expect(await embedded(consent)).toEqual([200, 200])
    const back = await browser.submit(consent, 'decision', { decision: 'allow' })
    expect(back.url.searchParams.get('iss')).toBe(issuer)
    const { status, json: tokens } = await client.token({
      grant_type: 'authorization_code',
      client_id: json.client_id,
      code: back.url.searchParams.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: 'http://localhost:7777/callback',
    })
    expect(status).toBe(200)
    expect((await client.introspect(tokens.access_token)).json).toMatchObject({ sub: 'ada', iss: issuer })
    expect(paths.filter(path => !path.startsWith('/team-a/'))).toEqual([])
  })

  it('leads a person with a device code along pages below the path', async () => {
    const { issuer, client } = await start()
    const { json } = await client.register({ grant_types: [DEVICE_CODE], redirect_uris: undefined })
    const { json: asked } = await client.form('/oauth/device_authorization', { client_id: json.client_id })
    expect(asked.verification_uri).toBe(`${issuer}/oauth/device`)
    const browser = createBrowser()
    const filled = await browser.open(asked.verification_uri_complete)
    const confirm = await browser.submit(filled, 'user_code', { user_code: asked.user_code })
    const people = await browser.submit(confirm, 'confirm', { confirm: 'yes' })
    const consent = await browser.submit(people, 'user', { user: 'ada' })
    const done = await browser.submit(consent, 'decision', { decision: 'allow' })
    expect(done.text).toContain('Your device is connected')
    expect(await embedded(done)).toEqual([200, 200])
  })

  it('has its callback for a real provider below the path, and consent in front of it', async () => {
    const redirectUris: string[] = []
    const upstream: Upstream = {
      name: 'Example ID',
      async depart({ state, redirectUri }) {
        redirectUris.push(redirectUri)
        return { url: `${redirectUri}?${new URLSearchParams({ state })}` }
      },
      identify: async () => ({ outcome: 'nobody' }),
    }
    const { issuer, client } = await start('/team-a', { upstream })
    const { json } = await client.register()
    const browser = createBrowser()
    const consent = await browser.open(client.authorizeUrl(json.client_id).url)
    expect(consent.url.href).toMatch(`${issuer}/oauth/consent?id=`)
    const nobody = await browser.submit(consent, 'decision', { decision: 'allow' })
    expect(redirectUris).toEqual([`${issuer}/oauth/callback`])
    expect(nobody.text).toContain('Nobody signed in')
    const again = /<a href="([^"]*)">try again/.exec(nobody.text)?.[1] ?? ''
    expect((await browser.open(new URL(again, nobody.url))).url.href).toMatch(`${issuer}/oauth/consent?id=`)
  })

  it('has cookies of its own beside another one of the same host', async () => {
    const names = await Promise.all(
      ['/team-a', '/team-b'].map(async mount => {
        const { client } = await start(mount)
        const { json } = await client.register({ grant_types: [DEVICE_CODE], redirect_uris: undefined })
        const { json: asked } = await client.form('/oauth/device_authorization', { client_id: json.client_id })
        const { headers } = await fetch(asked.verification_uri)
        return headers.getSetCookie().map(cookie => cookie.split('=')[0])
      }),
    )
    expect(names.map(of => of.filter(name => !name?.endsWith('.sig')))).toEqual([
      ['_session-team-a'],
      ['_session-team-b'],
    ])
  })

  it('answers below the path, at the root where a proxy took the path away, and nowhere else', async () => {
    const { server } = await start()
    for (const path of ['/team-a/oauth/token', '/oauth/token', `${DOCUMENTS[0]}/team-a`, `/team-a${DOCUMENTS[1]}`]) {
      expect(server.handles(path), path).toBe(true)
    }
    for (const path of ['/team-a', '/team-ab/oauth/token', '/team-b/oauth/token', `${DOCUMENTS[0]}/team-b`]) {
      expect(server.handles(path), path).toBe(false)
    }
  })
})

describe('redirect URIs on the host of an issuer with a path', () => {
  const issuer = new URL('https://example.com/team-a')
  const ITSELF = 'is an address of the authorization server itself'

  it.each([
    'https://example.com/team-a',
    'https://example.com/team-a/',
    'https://example.com/team-a/oauth/callback',
    'https://example.com/Team-A/oauth/callback',
    'https://example.com/%74eam-a/oauth/callback',
  ])('refuses %s, which is its own', uri => {
    expect(redirectUriProblem(uri, issuer)).toBe(ITSELF)
  })

  it.each([
    'https://example.com/callback',
    'https://example.com/team-ab/callback',
    'https://example.com/team-b/team-a/',
  ])("accepts %s, which is somebody else's", uri => {
    expect(redirectUriProblem(uri, issuer)).toBeUndefined()
  })

  it('refuses the whole host of an issuer without a path', () => {
    expect(redirectUriProblem('https://example.com/callback', new URL('https://example.com'))).toBe(ITSELF)
  })
})
