import { generateKeyPair } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { SignJWT } from 'jose'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { AuthorizationServerOptions } from '../../../demo-as/server.ts'
import { createMemoryStores } from '../../../demo-as/stores/memory.ts'
import { createBrowser } from '../../support/browser.ts'
import { listen } from '../../support/http.ts'
import { listenHttps } from '../../support/https.ts'
import { basic, createClient, REDIRECT, startServer } from '../support.ts'

type Answer = (req: IncomingMessage, res: ServerResponse) => void

interface Setup {
  /** Changes to the document; `undefined` leaves a member out. */
  metadata?: Record<string, unknown>
  headers?: Record<string, string>
  options?: Partial<AuthorizationServerOptions>
  documents?: AuthorizationServerOptions['clientDocuments']
}

/** A client that publishes its document, and an authorization server that can reach it. */
async function start({ metadata, headers, options, documents }: Setup = {}) {
  const asked: IncomingMessage[] = []
  const client = { answer: undefined as Answer | undefined, document: {} as Record<string, unknown> }
  const host = await listenHttps('client.example', (req, res) => {
    asked.push(req)
    if (client.answer) return client.answer(req, res)
    res.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(client.document))
  })
  const clientId = `https://${host}/client.json`
  client.document = {
    client_id: clientId,
    client_name: 'Document client',
    redirect_uris: [REDIRECT],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    ...metadata,
  }
  const server = await startServer({
    clientDocuments:
      documents === false ? false : { privateHosts: [host], resolve: async () => LOOPBACK, ...documents },
    ...options,
  })
  const user = createClient(server.origin)
  /** Tokens of Ada, all the way. */
  const obtainTokens = async () => (await user.token((await user.obtainCode(clientId)).fields)).json
  const page = () => createBrowser().open(user.authorizeUrl(clientId).url)
  return { ...server, client, clientId, host, asked, user, obtainTokens, page }
}

const LOOPBACK = [{ address: '127.0.0.1', family: 4 }]
const unavailable: Answer = (_req, res) => res.writeHead(500).end()

describe('a client that publishes a metadata document', () => {
  it('signs a user in without registering, and refreshes', async () => {
    const { obtainTokens, user, clientId } = await start()
    const tokens = await obtainTokens()
    expect((await user.introspect(tokens.access_token)).json).toMatchObject({ active: true, client_id: clientId })
    expect((await user.refresh(clientId, tokens.refresh_token)).status).toBe(200)
  })

  it('is invited by metadata, unless it is turned off', async () => {
    const metadataOf = async (setup?: Setup) => {
      const { origin } = await start(setup)
      const response = await fetch(`${origin}/.well-known/oauth-authorization-server`)
      return (await response.json()) as Record<string, unknown>
    }
    expect((await metadataOf()).client_id_metadata_document_supported).toBe(true)
    expect(await metadataOf({ documents: false })).not.toHaveProperty('client_id_metadata_document_supported')
  })

  it('is an unknown client where this is turned off, and nothing is fetched', async () => {
    const { page, asked } = await start({ documents: false })
    expect((await page()).text).toContain('Unknown application')
    expect(asked).toEqual([])
  })

  it('gets no privileges by what it publishes: no scope without a user beyond the defaults', async () => {
    const { privateKey, jwk } = await signingKey()
    const { user, clientId, origin } = await start({
      metadata: {
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [jwk] },
        scope: 'notes:admin',
      },
    })
    const ask = async (scope?: string) =>
      user.token({
        grant_type: 'client_credentials',
        scope,
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: await assertion(privateKey, clientId, origin),
      })
    expect((await ask('notes:admin')).json.error).toBe('invalid_scope')
    expect((await ask()).json.scope).toBe('notes:read')
  })

  it('may step up: a published scope is no limit', async () => {
    const { user, clientId } = await start({ metadata: { scope: 'notes:read' } })
    const { fields } = await user.obtainCode(clientId, { scope: 'notes:read notes:write' })
    expect((await user.token(fields)).json.scope).toBe('notes:read notes:write')
  })

  it('is asked about every time, though it says that it was registered: everybody knows its id', async () => {
    const { user, clientId } = await start({ metadata: { client_id_issued_at: 1 } })
    const browser = createBrowser()
    const signInPage = await browser.open(user.authorizeUrl(clientId).url, { 'sec-fetch-site': 'none' })
    const consent = await browser.submit(signInPage, 'user', { user: 'ada' })
    expect(consent.text).toContain('Document client')
    expect(consent.text).not.toContain('name="remember"')
  })

  it('is public when it does not say how it authenticates', async () => {
    const { obtainTokens } = await start({ metadata: { token_endpoint_auth_method: undefined } })
    expect(await obtainTokens()).toHaveProperty('access_token')
  })

  it('is taken though it names more than there is here: what is written for other servers is passed over', async () => {
    const metadata = {
      grant_types: ['authorization_code', 'password', 'refresh_token'],
      response_types: ['code', 'token'],
      application_type: 'spa',
      id_token_signed_response_alg: 'RS256',
    }
    expect(await (await start({ metadata })).obtainTokens()).toHaveProperty('refresh_token')
  })

  it('keeps the redirect URIs that are usable here, and only those', async () => {
    const redirect_uris = ['javascript:alert(1)', 'http://client.example/callback', 'other-app:/x', REDIRECT]
    const { obtainTokens, user, clientId } = await start({ metadata: { redirect_uris } })
    expect(await obtainTokens()).toHaveProperty('access_token')
    for (const redirect_uri of redirect_uris.slice(0, 3)) {
      const page = await createBrowser().open(user.authorizeUrl(clientId, { redirect_uri }).url)
      expect(page).toMatchObject({ status: 400, text: expect.stringContaining('that it did not register') })
    }
  })
})

describe('a document is refused by a page that says so', () => {
  it.each([
    ['with the id of another', { client_id: 'https://other.example/client.json' }],
    ['without an id', { client_id: undefined }],
    ['with a secret', { client_secret: 'x'.repeat(43) }],
    ['that authenticates by secret', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['without a usable redirect URI', { redirect_uris: ['javascript:alert(1)'] }],
    ['whose redirect URIs are no list', { redirect_uris: REDIRECT }],
    ['that has an address fetched', { sector_identifier_uri: 'https://169.254.169.254/' }],
    ['with a home page that is script', { client_uri: 'javascript:alert(1)' }],
  ])('%s', async (_name, metadata) => {
    const { page } = await start({ metadata })
    expect(await page()).toMatchObject({ status: 400, text: expect.stringContaining('Unknown application') })
  })

  it.each<[string, Answer]>([
    ['that is not there', (_req, res) => res.writeHead(404).end()],
    ['that is elsewhere', (_req, res) => res.writeHead(302, { location: '/other.json' }).end()],
    ['that is no JSON', (_req, res) => res.writeHead(200, JSON_TYPE).end('<html>')],
    ['that is a list', (_req, res) => res.writeHead(200, JSON_TYPE).end('[]')],
    ['that is a page', (_req, res) => res.writeHead(200, { 'content-type': 'text/html' }).end('{}')],
    ['that is too large', (_req, res) => res.writeHead(200, JSON_TYPE).end(JSON.stringify('x'.repeat(20_000)))],
  ])('%s', async (_name, answer) => {
    const { page, client } = await start()
    client.answer = answer
    expect(await page()).toMatchObject({ status: 400, text: expect.stringContaining('Unknown application') })
  })

  it('of a host with an inner address, and the page does not tell the address', async () => {
    const documents = { privateHosts: [], allowedHosts: ['client.example'] }
    const { user, events, asked } = await start({ documents })
    const page = await createBrowser().open(user.authorizeUrl('https://client.example/client.json').url)
    expect(page.status).toBe(400)
    expect(page.text).not.toContain('127.0.0.1')
    expect(JSON.stringify(events)).toContain('has the address 127.0.0.1, which is not public')
    expect(asked).toEqual([])
  })

  it.each(['http://client.example/c.json', 'https://client.example/../c.json', 'https://client.example/c.json#x'])(
    '%s is no address of a document',
    async clientId => {
      const { user, asked } = await start()
      const page = await createBrowser().open(user.authorizeUrl(clientId).url)
      expect(page.status).toBe(400)
      expect(asked).toEqual([])
    },
  )
})

describe('an address that is not spelled as a URL parser writes it is the id of no client,', () => {
  const CLIENT_CREDENTIALS = { grant_type: 'client_credentials', scope: 'notes:admin' }
  const spellings: Record<string, (host: string) => string> = {
    'HTTPS:': host => `HTTPS://${host}/client.json`,
    'Https:': host => `Https://${host}/client.json`,
    'httpS:': host => `httpS://${host}/client.json`,
    'a space before it': host => ` https://${host}/client.json`,
    'a space after it': host => `https://${host}/client.json `,
    'a tab in it': host => `ht\ttps://${host}/client.json`,
    'a line break after it': host => `https://${host}/client.json\n`,
    'no slash': host => `https:${host}/client.json`,
    'one slash': host => `https:/${host}/client.json`,
    'three slashes': host => `https:///${host}/client.json`,
    backslashes: host => `https:\\\\${host}\\client.json`,
    'a backslash in the path': host => `https://${host}/a\\client.json`,
    'a host in capitals': host => `https://${host.toUpperCase()}/client.json`,
    'a host that is percent-encoded': host => `https://${host.replace('c', '%63')}/client.json`,
    'a host in full width': host => `https://${host.replace('c', '\uff43')}/client.json`,
    'a host with a dot after it': host => `https://${host.replace(':', '.:')}/client.json`,
    'the port of the scheme': () => 'https://client.example:443/client.json',
    'a port with a zero before it': host => `https://${host.replace(':', ':0')}/client.json`,
    'a colon without a port': () => 'https://client.example:/client.json',
    'no path': host => `https://${host}`,
    'no path, and a query': host => `https://${host}?client.json`,
    'a dot segment': host => `https://${host}/./client.json`,
    'a segment that leads up': host => `https://${host}/a/../client.json`,
    'a dot segment that is percent-encoded': host => `https://${host}/a/%2E%2e/client.json`,
    'a letter that has to be percent-encoded': host => `https://${host}/cli\u00e9nt.json`,
    'a user': host => `https://user@${host}/client.json`,
    'a user without a name': host => `https://@${host}/client.json`,
    'a user and a password': host => `https://user:pw@${host}/client.json`,
    'a fragment': host => `https://${host}/client.json#x`,
    'an empty fragment': host => `https://${host}/client.json#`,
    'http:': host => `http://${host}/client.json`,
    'HTTP:': host => `HTTP://${host}/client.json`,
  }

  /** A stranger who publishes what would give privileges, under the very id. */
  async function publish(spell: (host: string) => string, metadata: Record<string, unknown> = {}) {
    const started = await start({
      metadata: {
        grant_types: ['authorization_code', 'client_credentials', DEVICE_CODE],
        scope: 'notes:admin',
        ...metadata,
      },
    })
    const clientId = spell(started.host)
    started.client.document.client_id = clientId
    return { ...started, clientId }
  }

  it.each(Object.entries(spellings))('with %s: at no endpoint, and nothing is fetched', async (_name, spell) => {
    const { user, asked, clientId } = await publish(spell)
    const page = await createBrowser().open(user.authorizeUrl(clientId).url)
    expect(page).toMatchObject({ status: 400, text: expect.stringContaining('Unknown application') })
    for (const answer of [
      await user.token({ ...CLIENT_CREDENTIALS, client_id: clientId }),
      await user.form('/oauth/device_authorization', { client_id: clientId }),
      await user.form('/oauth/revoke', { token: 'x', client_id: clientId }),
    ]) {
      expect(answer.json).toMatchObject({ error: 'invalid_client' })
    }
    // Basic credentials take visible ASCII only.
    const byBasic = await user.token(CLIENT_CREDENTIALS, { authorization: basic(clientId, 'secret') })
    expect(byBasic.json.error).toBe(/^[\x20-\x7e]*$/.test(clientId) ? 'invalid_client' : 'invalid_request')
    expect(asked).toEqual([])
  })

  it('with HTTPS: as the subject of a client assertion, in the demo as elsewhere', async () => {
    const { privateKey, jwk } = await signingKey()
    const { user, asked, origin, clientId } = await publish(host => `HTTPS://${host}/client.json`, {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
    })
    const { json } = await user.token({
      ...CLIENT_CREDENTIALS,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await assertion(privateKey, clientId, origin),
    })
    expect(json).toMatchObject({ error: 'invalid_client' })
    expect(asked).toEqual([])
  })

  it('and the page tells the developer how it is spelled', async () => {
    const { user, host, clientId } = await publish(host => `HTTPS://${host}/client.json`)
    const { text } = await createBrowser().open(user.authorizeUrl(clientId).url)
    expect(text).toContain(`client_id is not in its normal spelling, https://${host}/client.json`)
  })

  it('and what was issued to it before is inactive', async () => {
    const stores = createMemoryStores()
    const { user, obtainTokens, client, clientId } = await start({ options: { stores } })
    const { access_token } = await obtainTokens()
    const misspelled = { clientId: clientId.replace('https', 'HTTPS') }
    client.document.client_id = misspelled.clientId
    const { grantId = '', ...token } = (await stores('AccessToken').get<{ grantId: string }>(access_token)) ?? {}
    const grant = await stores('Grant').get<object>(grantId)
    await stores('AccessToken').set(access_token, { ...token, grantId, ...misspelled }, 60)
    await stores('Grant').set(grantId, { ...grant, ...misspelled }, 60)
    expect(await user.introspect(access_token)).toMatchObject({ status: 200, json: { active: false } })
  })

  it('unless the operator set up a client with that very id', async () => {
    const machine = {
      client_id: 'HTTPS://client.example/Nightly',
      client_secret: 'nightly-job-secret',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      scope: 'notes:admin',
    }
    const { user } = await start({ options: { clients: [machine as never] } })
    const authorization = basic(machine.client_id, machine.client_secret)
    expect((await user.token(CLIENT_CREDENTIALS, { authorization })).json.scope).toBe('notes:admin')
    const other = basic(machine.client_id.toLowerCase(), machine.client_secret)
    expect((await user.token(CLIENT_CREDENTIALS, { authorization: other })).json.error).toBe('invalid_client')
  })
})

it('a client with a document and without credentials gets no token without a user', async () => {
  const { user, clientId } = await start({ metadata: { grant_types: ['authorization_code', 'client_credentials'] } })
  const { status, json } = await user.token({ grant_type: 'client_credentials', client_id: clientId })
  expect({ status, error: json.error }).toEqual({ status: 400, error: 'unauthorized_client' })
})

it('a client whose id is the address of a document is asked about with the host of that address', async () => {
  const { user, host, clientId } = await start()
  const browser = createBrowser()
  const consent = await browser.submit(await browser.open(user.authorizeUrl(clientId).url), 'user', { user: 'ada' })
  expect(consent.text).toContain(`<strong>${host}</strong>, which publishes`)
})

it('a client that the operator set up with an address for an id is not said to be published there', async () => {
  const known = {
    client_id: 'https://client.example/known',
    client_name: 'Known to the operator',
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'none' as const,
  }
  const { user, asked } = await start({ options: { clients: [known] } })
  const browser = createBrowser()
  const { url } = user.authorizeUrl(known.client_id)
  const consent = await browser.submit(await browser.open(url), 'user', { user: 'ada' })
  expect(consent.text).toContain('Known to the operator')
  expect(consent.text).not.toContain('which publishes')
  expect(asked).toEqual([])
})

const JSON_TYPE = { 'content-type': 'application/json' }
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

it('a document with an address without end is not fetched', async () => {
  const { user, host, asked } = await start()
  const page = await createBrowser().open(user.authorizeUrl(`https://${host}/${'x'.repeat(2000)}`).url)
  expect(page).toMatchObject({ status: 400, text: expect.stringContaining('more than 2000 characters') })
  expect(asked).toEqual([])
})

describe('a host that does not answer', () => {
  it('gets a page with 503 that says to try again', async () => {
    const { page, client } = await start()
    client.answer = unavailable
    const { status, text, headers } = await page()
    expect(status).toBe(503)
    expect(text).toContain('Not reachable right now')
    expect(headers.get('retry-after')).toBe('5')
  })

  it('is 503 and never invalid_client at the token endpoint, and the refresh token stays good', async () => {
    useClock()
    const stores = createMemoryStores()
    const { obtainTokens, user, client, clientId } = await start({ options: { stores } })
    const { refresh_token } = await obtainTokens()
    await stores('ClientDocument').delete(clientId)
    client.answer = unavailable
    expect(await user.refresh(clientId, refresh_token)).toMatchObject({
      status: 503,
      json: { error: 'temporarily_unavailable' },
    })
    client.answer = undefined
    later(10)
    expect((await user.refresh(clientId, refresh_token)).status).toBe(200)
  })

  it('is stood in for by the copy of before', async () => {
    useClock()
    const { obtainTokens, user, client, clientId } = await start()
    const { refresh_token } = await obtainTokens()
    later(25 * HOUR)
    client.answer = unavailable
    expect((await user.refresh(clientId, refresh_token)).status).toBe(200)
  })

  const html = { 'content-type': 'text/html; charset=utf-8' }
  it.each<[string, Answer]>([
    ['403 with a page, of a firewall', (_req, res) => res.writeHead(403, html).end('<p>Just a moment</p>')],
    ['401', (_req, res) => res.writeHead(401, html).end('<p>Sign in</p>')],
    ['408', (_req, res) => res.writeHead(408).end()],
    ['a page in place of the document', (_req, res) => res.writeHead(200, html).end('<p>Maintenance</p>')],
  ])('is stood in for by the copy of before while something in front of it answers: %s', async (_name, answer) => {
    useClock()
    const { obtainTokens, user, client, clientId } = await start()
    const { access_token, refresh_token } = await obtainTokens()
    later(25 * HOUR)
    client.answer = answer
    expect((await user.refresh(clientId, refresh_token)).status).toBe(200)
    expect((await user.introspect(access_token)).status).toBe(200)
  })

  it('is not stood in for when it says that the client is gone', async () => {
    useClock()
    const { obtainTokens, user, client, clientId } = await start()
    const { refresh_token } = await obtainTokens()
    later(25 * HOUR)
    client.answer = (_req, res) => res.writeHead(404).end()
    expect((await user.refresh(clientId, refresh_token)).json.error).toBe('invalid_client')
  })
})

describe('a client that withdraws its document', () => {
  const gone: Answer = (_req, res) => res.writeHead(404).end()

  it('takes its tokens with it: they are inactive', async () => {
    useClock()
    const { obtainTokens, user, client } = await start({ headers: { 'cache-control': 'max-age=60' } })
    const { access_token } = await obtainTokens()
    later(61)
    client.answer = gone
    expect(await user.introspect(access_token)).toMatchObject({ status: 200, json: { active: false } })
  })

  it('ends a sign-in under way by a page', async () => {
    useClock()
    const { user, client, clientId } = await start()
    const browser = createBrowser()
    const signInPage = await browser.open(user.authorizeUrl(clientId).url)
    later(31)
    client.answer = gone
    const page = await browser.submit(signInPage, 'user', { user: 'ada' })
    expect(page).toMatchObject({ status: 400, text: expect.stringContaining('This sign-in has ended') })
  })
})

describe('a document is fetched', () => {
  it('once for a whole sign-in, though its host says not to keep it', async () => {
    const { obtainTokens, asked } = await start({ headers: { 'cache-control': 'no-store' } })
    await obtainTokens()
    expect(asked).toHaveLength(1)
  })

  it.each([
    ['not before the time that its host names', 'max-age=600', 590, 1],
    ['after the time that its host names', 'max-age=600', 610, 2],
    ['after a day at the latest', 'max-age=31536000', 25 * 3600, 2],
    ['not within the first 30 seconds', 'max-age=0', 20, 1],
    ['after the first 30 seconds, if its host names no time', '', 40, 2],
  ])('again %s', async (_name, cacheControl, seconds, times) => {
    useClock()
    const { page, asked } = await start({ headers: { 'cache-control': cacheControl } })
    await page()
    later(seconds)
    await page()
    expect(asked).toHaveLength(times)
  })

  it('again with its ETag, and used on when nothing changed', async () => {
    useClock()
    const { page, client, asked } = await start({ headers: { etag: '"1"', 'cache-control': 'max-age=60' } })
    expect((await page()).status).toBe(200)
    later(61)
    client.answer = (_req, res) => res.writeHead(304, { etag: '"1"', 'cache-control': 'max-age=60' }).end()
    expect((await page()).status).toBe(200)
    expect(asked[1]?.headers['if-none-match']).toBe('"1"')
    later(50)
    await page()
    expect(asked).toHaveLength(2)
  })

  it('once for many who ask at the same moment', async () => {
    const { page, asked } = await start()
    const pages = await Promise.all(Array.from({ length: 20 }, page))
    expect(pages.map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(asked).toHaveLength(1)
  })

  it('not again at once after it failed', async () => {
    const { page, client, asked } = await start()
    client.answer = unavailable
    for (let i = 0; i < 5; i++) await page()
    expect(asked).toHaveLength(1)
  })

  it('from one host so many times a minute, whatever the addresses of its documents', async () => {
    const { user, host, asked } = await start({ documents: { perHost: 3 } })
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) {
      const { status } = await createBrowser().open(user.authorizeUrl(`https://${host}/${i}.json`).url)
      statuses.push(status)
    }
    expect(statuses).toEqual([400, 400, 400, 503, 503])
    expect(asked).toHaveLength(3)
  })
})

describe('documents that nobody can fetch', () => {
  const cutOff: Answer = req => void req.socket.destroy()
  const isInvited = async (origin: string) => {
    const metadata = await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).json()
    return (metadata as Record<string, unknown>).client_id_metadata_document_supported
  }
  /** A person who reloads the page, some seconds after it failed. */
  async function fail({ page, client }: Pick<Awaited<ReturnType<typeof start>>, 'page' | 'client'>, times: number) {
    client.answer = cutOff
    for (let i = 0; i < times; i++) {
      expect((await page()).status).toBe(503)
      later(6)
    }
  }

  it('are told of in the log, with the settings that help, and on the page', async () => {
    useClock()
    const started = await start()
    await fail(started, 2)
    const told = started.events.filter(({ event }) => event === 'client_documents_unreachable')
    expect(told).toHaveLength(1)
    expect(told[0]?.facts).toMatchObject({ url: started.clientId, advertised: true })
    expect(told[0]?.facts.reason).toMatch(/HTTPS_PROXY.*CIMD_ALLOWED_HOSTS.*CIMD=off/)
    const { text } = await started.page()
    expect(text).toContain('tell the people who run this server')
    expect(text).toContain(`<strong>${started.host}</strong>`)
  })

  it('are no longer asked of clients, which then register, until one can be fetched', async () => {
    useClock()
    const started = await start()
    const { origin, client, asked, events } = started
    expect(await isInvited(origin)).toBe(true)
    await fail(started, 3)
    expect(await isInvited(origin)).toBe(undefined)
    const unreachable = events.filter(({ event }) => event === 'client_documents_unreachable')
    expect(unreachable.at(-1)?.facts.advertised).toBe(false)
    client.answer = undefined
    expect(await isInvited(origin)).toBe(undefined)
    expect(asked).toHaveLength(3)
    // Nobody asks any more, so the server does.
    later(5 * 60)
    await isInvited(origin)
    await vi.waitFor(async () => expect(await isInvited(origin)).toBe(true))
    expect(events.map(({ event }) => event)).toContain('client_documents_reachable')
  })

  it('are asked of clients nevertheless where these cannot register', async () => {
    useClock()
    const started = await start({ options: { registration: false } })
    await fail(started, 3)
    expect(await isInvited(started.origin)).toBe(true)
  })

  it('are asked of clients nevertheless when others were fetched that day: strangers name hosts that do not exist', async () => {
    useClock()
    const started = await start()
    expect((await started.page()).status).toBe(200)
    later(3600)
    started.client.answer = cutOff
    for (let i = 0; i < 5; i++) {
      await createBrowser().open(started.user.authorizeUrl(`https://${started.host}/${i}.json`).url)
    }
    expect(await isInvited(started.origin)).toBe(true)
  })
})

describe('what strangers have fetched', () => {
  it('is bounded by address, and does not keep others from a host', async () => {
    const limits = { documents: { perAddress: { times: 2, seconds: 60 } } }
    const { user, host, asked, clientId } = await start({
      options: { limits, trustedProxies: ['127.0.0.1', '::1'] },
    })
    const open = async (id: string, address: string) =>
      (await fetch(user.authorizeUrl(id).url, { headers: { 'x-forwarded-for': address }, redirect: 'manual' })).status
    const statuses = []
    for (let i = 0; i < 4; i++) statuses.push(await open(`https://${host}/${i}.json`, '203.0.113.1'))
    expect(statuses).toEqual([400, 400, 503, 503])
    expect(asked).toHaveLength(2)
    expect(await open(clientId, '203.0.113.2')).toBe(303)
    // What is known already is for everybody.
    expect(await open(clientId, '203.0.113.1')).toBe(303)
  })

  it('is kept for an hour, and for a week once somebody signed in', async () => {
    useClock()
    const { user, host, client, obtainTokens, page } = await start()
    const unused = `https://${host}/unused.json`
    const openUnused = async () => (await createBrowser().open(user.authorizeUrl(unused).url)).status
    client.answer = (req, res) =>
      void res
        .writeHead(200, JSON_TYPE)
        .end(JSON.stringify({ ...client.document, client_id: `https://${host}${req.url}` }))
    expect(await openUnused()).toBe(200)
    await obtainTokens()
    later(2 * 3600)
    client.answer = unavailable
    expect(await openUnused()).toBe(503)
    expect((await page()).status).toBe(200)
  })

  it('is stored without what its host says beside it', async () => {
    const stores = createMemoryStores()
    const headers = { 'x-padding': 'x'.repeat(4000), 'set-cookie': 'x=y', etag: '"1"' }
    const { page, clientId } = await start({ headers, options: { stores } })
    await page()
    const copy = JSON.stringify(await stores('ClientDocument').get(clientId))
    expect(copy).toContain('etag')
    expect(copy).not.toMatch(/padding|set-cookie/)
  })
})

describe('a client with a document and a key', () => {
  const ask = async (setup: Setup, changes: Record<string, unknown> = {}, signer?: Key) => {
    const started = await start(setup)
    const { user, clientId, origin } = started
    const { fields } = await user.obtainCode(clientId)
    const sign = async (privateKey: Key) => ({
      ...fields,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await assertion(privateKey, clientId, origin, changes),
    })
    return { ...started, fields, answer: signer && (await user.token(await sign(signer))), sign }
  }
  const withKey = (jwk: object, more: Record<string, unknown> = {}) => ({
    metadata: { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] }, ...more },
  })

  it('authenticates by private_key_jwt', async () => {
    const { privateKey, jwk } = await signingKey()
    expect((await ask(withKey(jwk), {}, privateKey)).answer?.status).toBe(200)
  })

  it('has to: its id alone is not enough', async () => {
    const { jwk } = await signingKey()
    const { user, fields } = await ask(withKey(jwk))
    expect(await user.token(fields)).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
  })

  it.each([
    ['of another audience', { aud: 'https://other.example' }],
    ['of another client', { sub: 'https://other.example/client.json' }],
    ['that expired', { exp: 1 }],
  ])('is refused with an assertion %s', async (_name, changes) => {
    const { privateKey, jwk } = await signingKey()
    const { answer } = await ask(withKey(jwk), changes, privateKey)
    expect(answer?.json.error).toMatch(/^invalid_(client|request)$/)
  })

  it('is refused with the key of another', async () => {
    const [{ jwk }, { privateKey }] = await Promise.all([signingKey(), signingKey()])
    expect((await ask(withKey(jwk), {}, privateKey)).answer).toMatchObject({ status: 401 })
  })

  it('is refused with an assertion that was used before', async () => {
    const { privateKey, jwk } = await signingKey()
    const { user, sign } = await ask(withKey(jwk))
    const fields = await sign(privateKey)
    expect((await user.token(fields)).status).toBe(200)
    expect((await user.token(fields)).json.error).toBe('invalid_client')
  })

  it('may publish its keys at an address of their own; while that is down the answer is 503', async () => {
    useClock()
    const { privateKey, jwk } = await signingKey()
    const started = await start({ metadata: { token_endpoint_auth_method: 'private_key_jwt' } })
    const { client, clientId, user, origin, host } = started
    Object.assign(client.document, { jwks_uri: `https://${host}/keys.json` })
    const document = JSON.stringify(client.document)
    let keys: Answer = unavailable
    client.answer = (req, res) => {
      if (req.url === '/keys.json') return keys(req, res)
      res.writeHead(200, { 'content-type': 'application/json' }).end(document)
    }
    const { fields } = await user.obtainCode(clientId)
    const signed = async () => ({
      ...fields,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await assertion(privateKey, clientId, origin),
    })
    expect(await user.token(await signed())).toMatchObject({
      status: 503,
      json: { error: 'temporarily_unavailable' },
    })
    keys = (_req, res) =>
      res.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(JSON.stringify({ keys: [jwk] }))
    later(10)
    expect((await user.token(await signed())).status).toBe(200)
  })

  it('is refused when its keys are inside the network', async () => {
    const { privateKey } = await signingKey()
    const jwks_uri = 'https://keys.internal/keys.json'
    const setup = { metadata: { token_endpoint_auth_method: 'private_key_jwt', jwks_uri } }
    const { answer } = await ask(setup, {}, privateKey)
    expect(answer).toMatchObject({ status: 400, json: { error: 'invalid_client' } })
  })
})

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const HOUR = 3600

type Key = Awaited<ReturnType<typeof signingKey>>['privateKey']

async function signingKey() {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  return { privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' } }
}

function assertion(key: Key, clientId: string, aud: string, changes: Record<string, unknown> = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: clientId, sub: clientId, aud, iat: now, exp: now + 60, jti: crypto.randomUUID(), ...changes }
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(key)
}

/** Time that stands still until the test moves it. */
function useClock(): void {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
}

function later(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

it.each([
  ['with a path', '/keys'],
  ['without one', ''],
])('the keys of a client that the operator set up may be inside the network, at an address %s', async (_name, path) => {
  const { privateKey, jwk } = await signingKey()
  const keys = await listen((_req, res) => res.writeHead(200, JSON_TYPE).end(JSON.stringify({ keys: [jwk] })))
  onTestFinished(keys.close)
  const machine = {
    client_id: 'nightly',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `${keys.origin}${path}`,
  }
  const { user, origin } = await start({ options: { clients: [machine as never] } })
  const answer = await user.token({
    grant_type: 'client_credentials',
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await assertion(privateKey, 'nightly', origin),
  })
  expect(answer.status).toBe(200)
})
