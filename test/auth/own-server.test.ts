import { createServer, request as sendRequest } from 'node:http'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createAuth, createAuths } from '../../auth/create-auth.ts'
import type { ResourceDeclaration } from '../../auth/declaration.ts'
import { stderrObserver } from '../../auth/stderr-observer.ts'
import type { Auth } from '../../src/auth.ts'
import { ConfigError } from '../../src/config-error.ts'
import { authRoutes as fetchRoutes, protect } from '../../src/edges/fetch.ts'
import { authRoutes as nodeRoutes } from '../../src/edges/node.ts'
import { createBrowser } from '../support/browser.ts'
import { freePort, listen } from '../support/http.ts'
import { temporaryFile } from '../support/temporary-files.ts'

const ORIGIN = 'http://localhost:3000'
const files = {
  resource: `${ORIGIN}/files`,
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
} as const satisfies ResourceDeclaration
const METADATA = `${ORIGIN}/.well-known/oauth-authorization-server`

function start(env: Record<string, string> = {}, warnings: string[] = []): Auth {
  const observer = {
    warning: (message: string, facts: object) => void warnings.push(`${message} ${JSON.stringify(facts)}`),
  }
  const auth = createAuth(files, { env, observer, fetch: () => expect.fail('nobody outside is to be asked') })
  onTestFinished(() => auth.close())
  return auth
}

/** A call with a token that only the authorization server can judge. */
function callWith(auth: Auth, token?: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  return protect(auth, () => new Response('done'))(new Request(auth.resource, { method: 'POST', headers, body }))
}

/** Settings with a Redis that cannot be reached. */
const withoutStore = async () => ({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` })

describe('where our own authorization server cannot work', () => {
  it.each(['opaque', 'jwt'])('%s tokens are answered 503, never 401, and the operator is told why', async format => {
    const warnings: string[] = []
    const auth = start({ ...(await withoutStore()), ACCESS_TOKEN_FORMAT: format }, warnings)
    const header = { alg: 'ES256', kid: 'k', typ: 'at+jwt' }
    const iat = Math.floor(Date.now() / 1000)
    const payload = { iss: ORIGIN, aud: files.resource, sub: 'ada', client_id: 'c', iat, exp: iat + 60, jti: 'j' }
    const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const token = format === 'jwt' ? `${encoded(header)}.${encoded(payload)}.${'A'.repeat(86)}` : 'some-token'
    const response = await callWith(auth, token)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, expect.any(String)])
    // It is no identity provider that is away.
    const { error_description: words } = (await response.json()) as Record<string, unknown>
    expect(words).toBe('The access token cannot be checked right now. Your sign-in is not affected; try again.')
    expect(warnings.join()).toContain('The authorization server cannot start.')
    expect(warnings.join()).toContain('REDIS_URL')
  })

  it('callers without a token are told where to sign in all the same', async () => {
    expect((await callWith(start(await withoutStore()))).status).toBe(401)
  })

  it('answers 503 at its own endpoints, in JSON for clients and in words for people', async () => {
    const routes = fetchRoutes(start(await withoutStore()))
    const forClient = await routes(new Request(`${ORIGIN}/oauth/token`, { method: 'POST' }))
    expect([forClient?.status, await forClient?.json()]).toEqual([
      503,
      expect.objectContaining({ error: 'temporarily_unavailable' }),
    ])
    const forPerson = await routes(new Request(`${ORIGIN}/oauth/authorize`, { headers: { accept: 'text/html' } }))
    expect(forPerson?.headers.get('content-type')).toContain('text/plain')
    expect(await forPerson?.text()).toBe('The authorization server cannot start. Its operator has been told.')
  })

  it('ready() rejects while our own authorization server cannot work', async () => {
    await expect(start(await withoutStore()).ready()).rejects.toThrow('REDIS_URL')
  })

  it.each([
    [`${ORIGIN}/oauth/callback`, 'is an address of the authorization server itself'],
    ['javascript:alert(1)', 'has the scheme javascript:'],
    ['https://desk.example.com/#x', 'has a fragment'],
  ])('says that a client of the operator cannot have people sent to %s', async (uri, problem) => {
    const client = { client_id: 'desk', grants: ['sign_in'], public: true, redirect_uris: [uri] }
    const AUTH_CLIENTS_FILE = temporaryFile('clients.json', { clients: [client] })
    const message = `AUTH_CLIENTS_FILE: desk: has the redirect URI ${uri}, which ${problem}`
    await expect(start({ AUTH_CLIENTS_FILE }).ready()).rejects.toThrow(message)
  })
})

describe('a bug in the authorization server', () => {
  it('writes a bug to standard error, each cause once', () => {
    const lines: string[] = []
    const observer = stderrObserver(line => void lines.push(line))
    for (let round = 0; round < 3; round++)
      observer.authorizationServer?.('server_error', { error: 'Error: broken\n at x' })
    observer.authorizationServer?.('token_refused', { error: 'invalid_grant' })
    observer.authorizationServer?.('sign_in_refused', { outcome: 'not_allowed', reason: 'in none of the rules' })
    expect(lines).toEqual(['idplug: a bug in the authorization server: Error: broken\n at x'])
  })

  it('and a warning, with its facts where it has any', () => {
    const lines: string[] = []
    const observer = stderrObserver(line => void lines.push(line))
    observer.warning?.('PORT is 4000.', {})
    observer.warning?.('A proxy is not trusted.', { address: '192.0.2.1' })
    expect(lines).toEqual(['idplug: PORT is 4000.', 'idplug: A proxy is not trusted. {"address":"192.0.2.1"}'])
  })

  it('and what its operator has to mend', () => {
    const lines: string[] = []
    const observer = stderrObserver(line => void lines.push(line))
    observer.authorizationServer?.('upstream_rejected_us', { reason: 'invalid_client' })
    observer.authorizationServer?.('sign_in_refused', { outcome: 'rejected_us', reason: 'invalid_scope' })
    observer.authorizationServer?.('sign_in_refused', { outcome: 'rejected_us', reason: 'invalid_scope' })
    expect(lines).toEqual(['idplug: upstream_rejected_us: invalid_client', 'idplug: sign_in_refused: invalid_scope'])
  })
})

/** Asks over HTTP as `node:http` tells it, with an address of the listening socket's own. */
function ask(port: number, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    sendRequest({ host: '127.0.0.1', port, path: '/.well-known/oauth-authorization-server', headers }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
      .on('error', reject)
      .end()
  })
}

describe('the demo sign-in refuses other machines', () => {
  const page = /another one\. .*set AUTH_PROVIDER .*DANGEROUSLY_ALLOW_FAKE_SIGN_IN=on/

  /** A node server whose requests come from where the test says. */
  async function serve(auth: Auth, remoteAddress: string): Promise<number> {
    const routes = nodeRoutes(auth)
    const server = createServer((request, response) => {
      Object.defineProperty(request.socket, 'remoteAddress', { value: remoteAddress })
      routes(request, response)
    })
    const { port, close } = await listen(server)
    onTestFinished(close)
    return port
  }

  it.each(['192.168.1.7', '::ffff:192.168.1.7', 'fe80::1', '10.0.0.1'])(
    'refuses the address %s on Node',
    async address => {
      const { status, text } = await ask(await serve(start(), address), { accept: 'text/html' })
      expect([status, text]).toEqual([403, expect.stringMatching(page)])
      const json = await ask(await serve(start(), address), {})
      expect(JSON.parse(json.text)).toMatchObject({
        error: 'access_denied',
        error_description: expect.stringMatching(page),
      })
    },
  )

  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])('lets in the address %s of this machine', async address => {
    expect((await ask(await serve(start(), address), {})).status).toBe(200)
  })

  it.each(['203.0.113.9', '127.0.0.1, 203.0.113.9', '203.0.113.9, 127.0.0.1'])(
    'behind a proxy of this machine that forwards for %s',
    async forwarded => {
      const headers = { 'x-forwarded-for': forwarded }
      expect((await ask(await serve(start(), '127.0.0.1'), headers)).status).toBe(403)
      expect((await fetchRoutes(start())(new Request(METADATA, { headers })))?.status).toBe(403)
    },
  )

  it('refuses clients of others on a port of its own, too', async () => {
    const port = await freePort()
    await start({ AUTH_MODE: 'beside', AUTH_SERVER_PORT: String(port) }).ready()
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`http://127.0.0.1:${port}/.well-known/oauth-authorization-server`, { headers })).status
    expect(await ask({ 'x-forwarded-for': '203.0.113.9' })).toBe(403)
    expect(await ask({ 'x-forwarded-for': '127.0.0.1' })).toBe(200)
    expect(await ask({})).toBe(200)
  })

  it('refuses a client that a proxy names by X-Real-IP only', async () => {
    const headers = { 'x-real-ip': '203.0.113.9' }
    expect((await ask(await serve(start(), '127.0.0.1'), headers)).status).toBe(403)
    expect((await fetchRoutes(start())(new Request(METADATA, { headers })))?.status).toBe(403)
  })

  it.each(['mcp.example.com', 'evil.example:3000', 'evil.example@localhost'])(
    'behind a tunnel, or from a web page, that asks this machine for %s',
    async host => {
      expect((await ask(await serve(start(), '127.0.0.1'), { host })).status).toBe(403)
    },
  )

  it.each(['127.0.0.1:3000', '[::1]:3000', 'LOCALHOST'])(
    'serves a client of this machine that calls it %s',
    async host => {
      expect((await ask(await serve(start(), '127.0.0.1'), { host })).status).toBe(200)
    },
  )

  it('serves a client of this machine behind a proxy of this machine', async () => {
    const headers = { 'x-forwarded-for': '127.0.0.1' }
    expect((await ask(await serve(start(), '::1'), headers)).status).toBe(200)
  })

  const platforms: [name: string, further: (address: string) => unknown][] = [
    ['Deno', hostname => ({ remoteAddr: { transport: 'tcp', hostname, port: 1 } })],
    ['Bun', address => ({ requestIP: () => ({ address, port: 1, family: 'IPv4' }) })],
    ['node-server', remoteAddress => ({ incoming: { socket: { remoteAddress } }, outgoing: {} })],
  ]
  it.each(platforms)(
    'refuses other machines on the fetch edge, by the address that %s tells',
    async (_name, further) => {
      const serve = protect<[unknown]>(start(), () => new Response('done'))
      const [stranger, local] = [further('192.168.1.7'), further('127.0.0.1')]
      expect((await serve(new Request(METADATA), stranger)).status).toBe(403)
      expect((await serve(new Request(METADATA), local)).status).toBe(200)
      expect((await fetchRoutes(start())(new Request(METADATA), stranger))?.status).toBe(403)
    },
  )

  it('refuses other machines on the fetch edge by the name of the server, where the platform tells no address', async () => {
    const routes = fetchRoutes(start())
    expect((await routes(new Request(METADATA)))?.status).toBe(200)
    expect((await routes(new Request(METADATA.replace('localhost', '192.168.1.7'))))?.status).toBe(403)
  })

  it('serves other machines with DANGEROUSLY_ALLOW_FAKE_SIGN_IN', async () => {
    const auth = start({ DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on' })
    expect((await ask(await serve(auth, '192.168.1.7'), {})).status).toBe(200)
  })
})

describe('the package of the authorization server', () => {
  const problems = (env: Record<string, string>) => {
    try {
      createAuth(files, { env, observer: {} })
      return []
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return error.problems.map(({ setting, problem }) => `${setting} ${problem}`)
    }
  }
  const okta = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' }
  const bridge = {
    ...okta,
    AUTH_BRIDGE: 'on',
    BRIDGE_CLIENT_ID: 'a-client',
    BRIDGE_CLIENT_SECRET: 'a-secret',
    BRIDGE_ALLOW: 'everyone',
    BRIDGE_GRANT_SCOPES: 'files:read',
  }

  it('says in one sentence which package is missing, where it is needed', () => {
    const resolve = () => {
      throw Object.assign(new Error('not found'), { code: 'ERR_PACKAGE_IMPORT_NOT_DEFINED' })
    }
    const spy = vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ createRequire: () => ({ resolve }) } as never)
    onTestFinished(() => spy.mockRestore())
    const sentence = 'needs our authorization server, which is a separate package: npm install @idplug/server'
    expect(problems({})).toEqual([`AUTH_PROVIDER ${sentence}`])
    expect(problems(bridge)).toEqual([`AUTH_BRIDGE ${sentence}`])
    expect(problems(okta)).toEqual([])
    expect(problems({ AUTH_MODE: 'separate' })).toEqual([])
  })

  it('does not offer the package of the authorization server where it cannot run', () => {
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    onTestFinished(() => void vi.unstubAllGlobals())
    expect(problems({})).toEqual([
      'AUTH_PROVIDER is not set, which means demo: that needs our authorization server, which does not run on Workers. Set AUTH_PROVIDER and the settings of the provider, or run that server elsewhere: AUTH_MODE=separate and AUTH_SERVER_URL',
    ])
  })
})

describe('AUTH_SIGN_IN_SCOPES', () => {
  const mail = {
    resource: `${ORIGIN}/mail`,
    name: 'Mail',
    scopes: { 'mail:read': 'Read your mail', 'mail:send': 'Send mail' },
    initialScopes: ['mail:read'],
  } as const satisfies ResourceDeclaration

  /** The scopes that the consent page is about when a client sends no `scope`. */
  async function askedFor(auth: Auth): Promise<string[]> {
    const routes = fetchRoutes(auth)
    const json = async (path: string, body: object) => {
      const headers = { 'content-type': 'application/json' }
      const response = await routes(
        new Request(`${ORIGIN}${path}`, { method: 'POST', body: JSON.stringify(body), headers }),
      )
      return (await response?.json()) as Record<string, string>
    }
    const { client_id = '' } = await json('/oauth/register', {
      redirect_uris: ['http://localhost:7777/callback'],
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
      token_endpoint_auth_method: 'none',
    })
    const browser = createBrowser(
      async (input, init) => (await routes(new Request(input, init))) ?? expect.fail(`${input}`),
    )
    const query = new URLSearchParams({
      response_type: 'code',
      client_id,
      redirect_uri: 'http://localhost:7777/callback',
      resource: auth.resource,
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    })
    const people = await browser.open(`${ORIGIN}/oauth/authorize?${query}`)
    const consent = await browser.submit(people, 'user', { user: 'ada' })
    return [...consent.text.matchAll(/<(?:li class="fixed"|span)>[^<]+<code>([^<]+)<\/code>/g)].map(
      ([, scope = '']) => scope,
    )
  }

  it.each<[Record<string, string>, string[], string[]]>([
    [{}, ['files:read'], ['mail:read']],
    [{ AUTH_SIGN_IN_SCOPES: 'all' }, ['files:read', 'files:write'], ['mail:read', 'mail:send']],
    [{ AUTH_SIGN_IN_SCOPES: 'files:write' }, ['files:write'], ['mail:read']],
  ])('reach the clients that send no scope: %j', async (env, ofFiles, ofMail) => {
    const auths = createAuths({ files, mail }, { env, observer: {} })
    onTestFinished(() => auths.files.close())
    expect(await askedFor(auths.files as Auth)).toEqual(ofFiles)
    expect(await askedFor(auths.mail as Auth)).toEqual(ofMail)
  })
})
