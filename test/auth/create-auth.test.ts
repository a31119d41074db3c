import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { oidc } from '../../adapters/oidc/index.ts'
import { type AuthOptions, configure, createAuth, createAuths } from '../../auth/create-auth.ts'
import type { ResourceDeclaration } from '../../auth/declaration.ts'
import type { Auth, AuthObserver, Decision } from '../../src/auth.ts'
import { ConfigError } from '../../src/config-error.ts'
import { protect } from '../../src/edges/fetch.ts'
import { ValidatorUnavailableError } from '../../src/errors.ts'
import type { JsonObject } from '../../src/testing/sign-jwt.ts'
import { createKey, createProvider, ISSUER, mint, NOW } from '../engines/support.ts'
import { createBrowser, signIn } from '../support/browser.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

const files = {
  resource: 'https://mcp.example.com/files',
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { whoami: [], write_file: ['files:write'] } },
} as const satisfies ResourceDeclaration

const mail = {
  resource: 'https://mcp.example.com/mail',
  name: 'Mail',
  scopes: { 'mail:read': 'Read your mail' },
  initialScopes: ['mail:read'],
} as const satisfies ResourceDeclaration

const key = createKey('key-1')
const offline: typeof globalThis.fetch = () => expect.fail('nobody is to be asked')

/** A provider of JWTs that settings can name by {@link ISSUER}. */
function provider() {
  return createProvider({
    [`${ISSUER}/.well-known/openid-configuration`]: () =>
      Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/jwks`, scopes_supported: ['openid'] }),
    [`${ISSUER}/jwks`]: () => Response.json({ keys: [key.jwk] }),
  })
}

/** Options for tokens of {@link mint}, and nothing from outside but the settings. */
function surroundings(env: Record<string, string> = {}, options: AuthOptions = {}): AuthOptions {
  const { fetch } = provider()
  return { env: { AUTH_METADATA_URL: ISSUER, ...env }, fetch, now: () => NOW * 1000, observer: {}, ...options }
}

const tokenFor = (resource: string, scope: string, claims: JsonObject = {}) =>
  mint(key, { aud: resource, scope, ...claims })

/** Calls a tool through the fetch edge, and answers `done` where it may. */
function call(auth: Auth, tool: string, token?: string, url: string = auth.resource): Promise<Response> {
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: {} } }
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  return protect(
    auth,
    () => new Response('done'),
  )(new Request(url, { method: 'POST', headers, body: JSON.stringify(body) }))
}

/** A parameter of the challenge. */
function challenged(response: Response, name: string): string | undefined {
  return new RegExp(`[ ,]${name}="([^"]*)"`).exec(response.headers.get('www-authenticate') ?? '')?.[1]
}

/** Everything that stops the start, each as a line. */
function problems(create: () => unknown): string[] {
  try {
    create()
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ setting, problem }) => `${setting}: ${problem}`)
  }
}

const settingsOf = (lines: readonly string[]) => lines.map(line => line.split(': ')[0])

afterEach(() => vi.unstubAllEnvs())

describe('createAuth', () => {
  it('createAuth makes an Auth of a declaration and settings', async () => {
    const auth = createAuth(files, surroundings())
    expect(auth.resource).toBe(files.resource)
    expect((await call(auth, 'read_file', tokenFor(files.resource, 'files:read'))).status).toBe(200)
    expect((await call(auth, 'read_file')).status).toBe(401)
    expect((await call(auth, 'write_file', tokenFor(files.resource, 'files:read'))).status).toBe(403)
    expect((await call(auth, 'whoami', tokenFor(files.resource, ''))).status).toBe(200)
    expect(await auth.metadata()).toMatchObject({
      resource: files.resource,
      resource_name: 'Files',
      authorization_servers: [ISSUER],
      scopes_supported: ['files:read', 'files:write'],
    })
  })

  it('makes no request before the first one that it serves, and ready() tells whether the provider answers', async () => {
    const { fetch, requests, handlers } = provider()
    let now = NOW * 1000
    const auth = createAuth(files, surroundings({}, { fetch, now: () => now }))
    expect(requests).toEqual([])
    const jwks = handlers[`${ISSUER}/jwks`]
    handlers[`${ISSUER}/jwks`] = () => new Response('', { status: 503 })
    await expect(auth.ready()).rejects.toBeInstanceOf(ValidatorUnavailableError)
    if (jwks) handlers[`${ISSUER}/jwks`] = jwks
    now += 60_000
    await auth.ready()
  })

  it('tells observers of each decision once, whether accepted or refused', async () => {
    const told: Decision[][] = [[], []]
    const observers = told.map((decisions): AuthObserver => ({ decision: decision => void decisions.push(decision) }))
    const auth = createAuth(files, surroundings({}, { observer: observers }))
    await call(auth, 'read_file', tokenFor(files.resource, 'files:read'))
    await call(auth, 'write_file', tokenFor(files.resource, 'files:read'))
    expect(told[0]).toMatchObject([
      { outcome: 'accepted', provider: 'oidc', operation: { method: 'tools/call', name: 'read_file' } },
      { outcome: 'refused', status: 403, reason: { kind: 'scope_missing', required: ['files:read', 'files:write'] } },
    ])
    expect(told[1]).toEqual(told[0])
  })

  it('resolves a person to the identity that AUTH_LINKS names', async () => {
    const folder = temporaryFolder()
    const AUTH_LINKS = join(folder, 'links.csv')
    writeFileSync(
      AUTH_LINKS,
      `old_issuer,old_subject,new_issuer,new_subject\nhttps://old.example,ada,${ISSUER},user-1\n`,
    )
    const auth = createAuth(files, surroundings({ AUTH_LINKS }))
    onTestFinished(auth.close)
    const token = await auth.validator.validate(tokenFor(files.resource, 'files:read'))
    expect(auth.identityOf(token)).toEqual({ issuer: 'https://old.example', subject: 'ada' })
    const other = await auth.validator.validate(tokenFor(files.resource, 'files:read', { sub: 'user-2' }))
    expect(auth.identityOf(other)).toMatchObject({ issuer: ISSUER, subject: 'user-2' })
  })

  it('warns of settings that have no effect, once', () => {
    const warnings: string[] = []
    const observer: AuthObserver = { warning: message => void warnings.push(message) }
    createAuths({ files, mail }, surroundings({ OKTA_DOMAIN: 'acme.okta.com' }, { observer }))
    expect(warnings).toEqual(['OKTA_DOMAIN has no effect: okta is not in use.'])
  })
})

describe('what cannot work', () => {
  it('lists all problems at once: of the declaration, of the settings, and between the two', () => {
    const declaration = {
      ...files,
      initialScopes: ['files:raed'],
      access: { tools: { write_file: ['files:wirte'] }, promts: {} },
    }
    const env = {
      AUTH_PROVIDER: 'okta,google',
      GOOGLE_CLIENT_IDS: '1-a.apps.googleusercontent.com',
      GOOGLE_GRANT_SCOPES: 'files:all',
      GOOGLE_GRANT_TO: 'everyone',
      AUTH_SIGN_IN_SCOPES: 'files:wirte',
      PUBLIC_URL: 'https://other.example.com',
      AUTH_PROVDER: 'okta',
      AUTH_LINKS: '/nowhere/links.csv',
    }
    const found = problems(() => createAuth(declaration as never, { env }))
    expect(found).toEqual([
      'access.promts: is not known (did you mean prompts?)',
      'initialScopes: names files:raed, which is not declared (did you mean files:read?)',
      expect.stringMatching(/^AUTH_PROVDER: is not a setting; did you mean AUTH_PROVIDER\?/),
      expect.stringMatching(/^PUBLIC_URL: is https:\/\/other\.example\.com, but the declaration names/),
      expect.stringMatching(/^OKTA_DOMAIN: is not set\. Okta needs it/),
      'AUTH_SIGN_IN_SCOPES: names files:wirte, which the server does not declare (did you mean files:write?)',
    ])
    // A rule of the wrong shape hides the other rules beside it, and nothing else.
    const { promts: _promts, ...access } = declaration.access
    const later = problems(() =>
      createAuth({ ...declaration, access } as never, { env: { ...env, AUTH_PROVIDER: 'google', PUBLIC_URL: '' } }),
    )
    expect(later).toEqual([
      'initialScopes: names files:raed, which is not declared (did you mean files:read?)',
      'access.tools.write_file: names files:wirte, which is not declared (did you mean files:write?)',
      expect.stringMatching(/^AUTH_PROVDER: is not a setting/),
      expect.stringMatching(/^AUTH_SIGN_IN_SCOPES: names files:wirte, which/),
      expect.stringMatching(/^GOOGLE_GRANT_SCOPES: names files:all, which/),
    ])
  })

  it.each([
    ['no object', 'files'],
    ['nothing', undefined],
    ['wrong members', { name: 5, resource: 7, publicUrls: 'x', scopes: ['a'], initialScopes: 'a' }],
  ])(
    'is said of a declaration that is %s, and the place of the server is not asked for besides',
    (_what, declaration) => {
      const found = problems(() => createAuth(declaration as never, { env: { AUTH_PROVIDER: 'okta', PORT: '3000' } }))
      expect(settingsOf(found)).toContain('OKTA_DOMAIN')
      expect(found.length).toBeGreaterThan(1)
      expect(found.join()).not.toContain('is not set: the URL')
    },
  )

  it('reports a wrong resource URL once', () => {
    for (const resource of ['http://mcp.example.com/mcp', 'mcp.example.com', 'https://mcp.example.com/mcp?a=b']) {
      const found = problems(() => createAuth({ ...files, resource }, { env: { AUTH_METADATA_URL: ISSUER } }))
      expect(settingsOf(found)).toEqual(['resource'])
    }
  })

  it('reports a missing resource URL beside other problems, and no good one', () => {
    const { resource: _resource, ...nowhere } = files
    expect(settingsOf(problems(() => createAuth(nowhere, { env: { AUTH_METADATA_URL: ISSUER } })))).toEqual([
      'resource',
    ])
    const broken = { ...files, initialScopes: ['x'] }
    expect(settingsOf(problems(() => createAuth(broken as never, { env: { AUTH_METADATA_URL: ISSUER } })))).toEqual([
      'initialScopes',
    ])
  })

  it('refuses an endpoint at a path of our own authorization server', () => {
    const resource = 'http://localhost:3000/oauth/mcp'
    expect(problems(() => createAuth({ ...files, resource }, { env: {} }))).toEqual([
      `resource: is ${resource}, where our own authorization server answers: choose a path outside of /oauth/`,
    ])
    const elsewhere = { AUTH_METADATA_URL: ISSUER }
    expect(createAuth({ ...files, resource }, { env: elsewhere }).resource).toBe(resource)
  })

  it('reports a wrong further URL once', () => {
    const publicUrls = ['https://mcp.example.com?a=b']
    const found = problems(() => createAuth({ ...files, publicUrls }, { env: { AUTH_METADATA_URL: ISSUER } }))
    expect(settingsOf(found)).toEqual(['publicUrls.0'])
  })

  it('reports the problems of each of several declarations at their places', () => {
    const declarations = { files: { ...files, initialScopes: ['x'] }, mail: { ...mail, name: '' } }
    expect(settingsOf(problems(() => createAuths(declarations as never, { env: { AUTH_PROVIDER: 'okta' } })))).toEqual([
      'files.initialScopes',
      'mail.name',
      'OKTA_DOMAIN',
    ])
    expect(settingsOf(problems(() => createAuths({}, { env: {} })))).toEqual(['declarations'])
  })

  it('never shows the value of a secret in a problem', () => {
    const env = {
      AUTH_PROVIDER: 'introspection',
      INTROSPECTION_CLIENT_SECRET: 'hunter2-hunter2',
      DEMO_RS_CLIENT_SECRET: 'hunter2',
    }
    expect(problems(() => createAuth(files, { env })).join()).not.toContain('hunter2')
  })
})

describe('the environment', () => {
  it('reads the environment of the process by default', () => {
    vi.stubEnv('AUTH_PROVIDER', 'okta')
    vi.stubEnv('OKTA_DOMAIN', 'acme.okta.com')
    expect(createAuth(files).validator.issuers).toEqual(['https://acme.okta.com/oauth2/default'])
    vi.stubEnv('OKTA_DOMAIN', '')
    expect(settingsOf(problems(() => createAuth(files)))).toEqual(['OKTA_DOMAIN'])
  })

  it('does not read the environment of the process when given {}', async () => {
    for (const [name, value] of Object.entries({
      AUTH_PROVIDER: 'auth0',
      AUTH_PROVDER: 'auth0',
      PUBLIC_URL: 'https://other.example.com',
      PORT: '4000',
      AUTH_EXTRA_SCOPES: 'openid',
      HTTPS_PROXY: 'http://127.0.0.1:1',
      NODE_ENV: 'production',
      DPOP: 'required',
    })) {
      vi.stubEnv(name, value)
    }
    const auth = createAuth(files, {
      env: {},
      providers: [configure(oidc, { metadataUrl: ISSUER })],
      fetch: provider().fetch,
      now: () => NOW * 1000,
    })
    expect((await call(auth, 'read_file', tokenFor(files.resource, 'files:read'))).status).toBe(200)
    expect(challenged(await call(auth, 'read_file'), 'scope')).toBe('files:read')
    const { resource: _resource, ...nowhere } = files
    expect(settingsOf(problems(() => createAuth(nowhere, { env: {} })))).toContain('resource')
  })

  it('reads the environment while createAuth runs, and not later', async () => {
    let closed = false
    const names: string[] = []
    const settings: Record<string, string> = {}
    const env = new Proxy(settings, {
      get(target, name) {
        if (closed) names.push(String(name))
        return Reflect.get(target, name)
      },
    })
    const auth = createAuth({ ...files, resource: 'http://localhost:3000/mcp' }, { env, fetch: offline })
    onTestFinished(auth.close)
    closed = true
    await auth.ready()
    await call(auth, 'read_file', 'made-up')
    await auth.metadata()
    expect(names).toEqual([])
  })

  it('ignores PORT, HOST and LOG_LEVEL, which are for the user’s server', () => {
    const env = {
      AUTH_METADATA_URL: ISSUER,
      PORT: '/run/server.sock',
      HOST: 'not a host name',
      LOG_LEVEL: 'verbose',
      MCP_SESSIONS: 'perhaps',
      MCP_MAX_SESSIONS: 'many',
      AUTH_RESOURCE: '/nowhere.json',
    }
    expect(problems(() => createAuth(files, { env }))).toEqual([])
    // Behind a platform's proxy it listens on every address; what that opens is its own business.
    const local = { ...files, resource: 'http://localhost:3000/mcp' }
    expect(problems(() => createAuth(local, { env: { HOST: '0.0.0.0' }, fetch: offline }))).toEqual([])
  })

  it('takes the URL from PORT where the declaration has none', () => {
    const { resource: _resource, ...nowhere } = files
    expect(createAuth(nowhere, surroundings({ PORT: '4000' })).resource).toBe('http://localhost:4000/mcp')
    expect(createAuth({ ...nowhere, resource: '/files' }, surroundings({ PORT: '4000' })).resource).toBe(
      'http://localhost:4000/files',
    )
  })

  it('checks all settings except those that are for the user’s server', () => {
    const env = { AUTH_METADATA_URL: ISSUER, TOKEN_CACHE_SECONDS: 'long', DPOP: 'perhaps' }
    expect(settingsOf(problems(() => createAuth(files, { env })))).toEqual(['DPOP', 'TOKEN_CACHE_SECONDS'])
  })
})

describe('providers in code', () => {
  const providers = [configure(oidc, { metadataUrl: ISSUER })]

  it('accepts the tokens of providers that are configured in code', async () => {
    const auth = createAuth(files, surroundings({ AUTH_METADATA_URL: '' }, { providers }))
    expect((await call(auth, 'read_file', tokenFor(files.resource, 'files:read'))).status).toBe(200)
    expect(auth.validator.issuers).toEqual([ISSUER])
  })

  it.each([
    { AUTH_PROVIDER: 'okta' },
    { AUTH_CONFIG: 'own.json' },
    { AUTH_METADATA_URL: 'https://acme.okta.com' },
    { AUTH_SHADOW: 'okta' },
    { AUTH_BRIDGE: 'on' },
  ])('beside %j are one too many', env => {
    const [setting] = Object.keys(env)
    expect(problems(() => createAuth(files, { env: { ...env } as never, providers }))).toEqual([
      `${setting}: is set, but the code passes its own providers; keep one of the two`,
    ])
  })

  it('checks providers configured in code like those of files', () => {
    const wrong = [configure(oidc, { metadataUrl: 'http://as.example.com', audiance: 'x' })]
    const found = problems(() => createAuth(files, { env: {}, providers: wrong }))
    expect(settingsOf(found).toSorted()).toEqual(['providers.0', 'providers.0'])
    expect(found.join()).toContain('has no option audiance (did you mean audience?)')
    expect(found.join()).toContain('https://')
    expect(problems(() => createAuth(files, { env: {}, providers: [] }))).toEqual([
      'providers: must hold at least one provider',
    ])
  })
})

describe('the scopes that clients are told to ask for', () => {
  const read = tokenFor(files.resource, 'files:read')

  it.each<[string, Record<string, string>, { initial: string; supported: string[]; stepUp: string }]>([
    [
      'the initial ones by default',
      {},
      { initial: 'files:read', supported: ['files:read', 'files:write'], stepUp: 'files:read files:write' },
    ],
    [
      'all with AUTH_SIGN_IN_SCOPES=all',
      { AUTH_SIGN_IN_SCOPES: 'all' },
      { initial: 'files:read files:write', supported: ['files:read', 'files:write'], stepUp: 'files:read files:write' },
    ],
    [
      'those that AUTH_SIGN_IN_SCOPES lists',
      { AUTH_SIGN_IN_SCOPES: 'files:write' },
      { initial: 'files:write', supported: ['files:read', 'files:write'], stepUp: 'files:read files:write' },
    ],
    [
      'and those of AUTH_EXTRA_SCOPES besides',
      { AUTH_EXTRA_SCOPES: 'openid' },
      {
        initial: 'files:read openid',
        supported: ['files:read', 'files:write', 'openid'],
        stepUp: 'files:read files:write openid',
      },
    ],
    [
      'both settings together',
      { AUTH_SIGN_IN_SCOPES: 'all', AUTH_EXTRA_SCOPES: 'openid, profile' },
      {
        initial: 'files:read files:write openid profile',
        supported: ['files:read', 'files:write', 'openid', 'profile'],
        stepUp: 'files:read files:write openid profile',
      },
    ],
  ])('are %s', async (_which, env, { initial, supported, stepUp }) => {
    const auth = createAuth(files, surroundings(env))
    expect(challenged(await call(auth, 'read_file'), 'scope')).toBe(initial)
    expect(challenged(await call(auth, 'read_file', 'made-up'), 'scope')).toBe(initial)
    expect((await auth.metadata()).scopes_supported).toEqual(supported)
    const refused = await call(auth, 'write_file', read)
    expect([refused.status, challenged(refused, 'scope')]).toEqual([403, stepUp])
  })

  it.each<Record<string, string>>([
    {},
    { AUTH_SIGN_IN_SCOPES: 'all' },
    { AUTH_SIGN_IN_SCOPES: 'files:write' },
    { AUTH_EXTRA_SCOPES: 'openid' },
  ])('are not what operations need: %j', async env => {
    const auth = createAuth(files, surroundings(env))
    const statuses = async (scope: string) =>
      Promise.all(
        ['whoami', 'read_file', 'write_file'].map(
          async tool => (await call(auth, tool, tokenFor(files.resource, scope))).status,
        ),
      )
    expect(await statuses('')).toEqual([200, 403, 403])
    expect(await statuses('files:read')).toEqual([200, 200, 403])
    expect(await statuses('files:write')).toEqual([200, 403, 200])
    expect(await statuses('openid')).toEqual([200, 403, 403])
  })

  it('asks for the initial scopes of a server where AUTH_SIGN_IN_SCOPES names scopes of another', async () => {
    const { files: one, mail: other } = createAuths(
      { files, mail },
      surroundings({ AUTH_SIGN_IN_SCOPES: 'files:write' }),
    )
    expect(challenged(await call(one, 'x'), 'scope')).toBe('files:write')
    expect(challenged(await call(other, 'x'), 'scope')).toBe('mail:read')
  })
})

describe('several servers in one process', () => {
  it('servers of one process refuse the tokens of each other', async () => {
    const auths = createAuths({ files, mail }, surroundings())
    const forFiles = tokenFor(files.resource, 'files:read mail:read')
    const forMail = tokenFor(mail.resource, 'files:read mail:read')
    expect((await call(auths.files, 'x', forFiles)).status).toBe(200)
    expect((await call(auths.mail, 'x', forMail)).status).toBe(200)
    expect((await call(auths.files, 'x', forMail)).status).toBe(401)
    expect((await call(auths.mail, 'x', forFiles)).status).toBe(401)
  })

  it('servers of one process publish metadata of their own', async () => {
    const auths = createAuths({ files, mail }, surroundings())
    expect(auths.files.metadataPaths[0]).toBe('/.well-known/oauth-protected-resource/files')
    expect(auths.mail.metadataPaths[0]).toBe('/.well-known/oauth-protected-resource/mail')
    expect(challenged(await call(auths.mail, 'x'), 'resource_metadata')).toBe(
      'https://mcp.example.com/.well-known/oauth-protected-resource/mail',
    )
    expect((await auths.mail.metadata()).scopes_supported).toEqual(['mail:read'])
  })

  it('refuses two servers with one URL, however it is spelled', () => {
    const same = 'is https://mcp.example.com/files, as files.resource is: give each server a path of its own'
    for (const resource of [files.resource, 'HTTPS://MCP.example.com:443/files', 'https://mcp.example.com/files/']) {
      expect(problems(() => createAuths({ files, mail: { ...mail, resource } }, surroundings()))).toEqual([
        `mail.resource: ${same}`,
      ])
    }
    const byAnotherName = {
      ...mail,
      resource: 'https://mail.example.com/files',
      publicUrls: ['https://mcp.example.com'],
    }
    expect(problems(() => createAuths({ files, mail: byAnotherName }, surroundings()))).toEqual([
      `mail.resource: ${same}`,
    ])
  })

  it('servers of one process close what they share, however often they are closed', async () => {
    const local = {
      files: { ...files, resource: 'http://localhost:3000/files' },
      mail: { ...mail, resource: 'http://localhost:3000/mail' },
    }
    const auths = createAuths(local, { env: {}, fetch: offline, observer: {} })
    await auths.files.ready()
    await auths.mail.close()
    await auths.files.close()
    expect((await call(auths.files, 'x', 'made-up')).status).toBe(503)
  })
})

describe('the demo sign-in inside a server of the user’s own', () => {
  const ORIGIN = 'http://localhost:3000'
  const local = { ...files, resource: `${ORIGIN}/files` }
  const localMail = { ...mail, resource: `${ORIGIN}/mail` }

  /** What a server on a platform of `fetch` serves: the authorization server, the metadata, and the endpoints. No network. */
  function serve(auths: Readonly<Record<string, Auth>>): typeof globalThis.fetch {
    const servers = Object.values(auths).map(auth => ({
      auth,
      handle: protect(auth, (_request, { token }) => Response.json({ subject: token?.subject, scopes: token?.scopes })),
    }))
    return async (input, init) => {
      const request = new Request(input, init)
      const { pathname } = new URL(request.url)
      const own = servers.find(({ auth }) => auth.authorizationServer?.handles(pathname))?.auth.authorizationServer
      if (own) return own.fetch(request)
      const server = servers.find(({ auth }) => auth.resource === request.url || auth.metadataPaths.includes(pathname))
      return server ? server.handle(request) : new Response('', { status: 404 })
    }
  }

  function start<D extends Readonly<Record<string, ResourceDeclaration>>>(
    declarations: D,
    env: Record<string, string> = {},
  ) {
    const auths = createAuths(declarations, { env, fetch: offline, observer: {} })
    for (const auth of Object.values(auths) as Auth[]) onTestFinished(auth.close)
    const fetch = serve(auths as Readonly<Record<string, Auth>>)
    const json = async (response: Response) => (await response.json()) as Record<string, never>
    const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(url, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      })
    const form = async (url: string, fields: Record<string, string>) =>
      json(await fetch(url, { method: 'POST', body: new URLSearchParams(fields) }))
    const callTool = (resource: string, name: string, token?: string) =>
      post(
        resource,
        { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } },
        token ? { authorization: `Bearer ${token}` } : {},
      )
    return { auths, fetch, json, post, form, callTool }
  }

  it('the demo sign-in registers and signs in a client, steps up, and notices a revocation', async () => {
    const { fetch, json, post, form, callTool } = start({ files: local }, { TOKEN_CACHE_SECONDS: '0' })
    const refused = await callTool(local.resource, 'read_file')
    expect([refused.status, challenged(refused, 'scope')]).toEqual([401, 'files:read'])
    const metadata = await json(await fetch(challenged(refused, 'resource_metadata') ?? ''))
    expect(metadata).toMatchObject({ resource: local.resource, authorization_servers: [ORIGIN] })
    const server = await json(await fetch(`${ORIGIN}/.well-known/oauth-authorization-server`))
    expect(server).toMatchObject({ issuer: ORIGIN, authorization_endpoint: `${ORIGIN}/oauth/authorize` })

    const redirect_uri = 'http://localhost:7777/callback'
    const { client_id } = await json(
      await post(server.registration_endpoint ?? '', {
        client_name: 'A client',
        redirect_uris: [redirect_uri],
        token_endpoint_auth_method: 'none',
      }),
    )
    const browser = createBrowser(fetch)
    async function tokensWith(scope: string): Promise<Record<string, string>> {
      const code_verifier = randomBytes(32).toString('base64url')
      const request = new URL(server.authorization_endpoint ?? '')
      request.search = new URLSearchParams({
        response_type: 'code',
        client_id: client_id ?? '',
        redirect_uri,
        scope,
        resource: local.resource,
        code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
        code_challenge_method: 'S256',
      }).toString()
      const back = await signIn(request, { browser })
      const code = back.searchParams.get('code') ?? expect.fail(back.href)
      const grant = {
        grant_type: 'authorization_code',
        code,
        redirect_uri,
        code_verifier,
        client_id: client_id ?? '',
        resource: local.resource,
      }
      return form(server.token_endpoint ?? '', grant)
    }

    const { access_token: first } = await tokensWith('files:read')
    expect(await json(await callTool(local.resource, 'read_file', first))).toEqual({
      subject: 'ada',
      scopes: ['files:read'],
    })
    const stepUp = await callTool(local.resource, 'write_file', first)
    expect([stepUp.status, challenged(stepUp, 'scope')]).toEqual([403, 'files:read files:write'])
    const { access_token: second = '' } = await tokensWith(challenged(stepUp, 'scope') ?? '')
    expect((await callTool(local.resource, 'write_file', second)).status).toBe(200)

    await fetch(server.revocation_endpoint ?? '', {
      method: 'POST',
      body: new URLSearchParams({ token: second, client_id: client_id ?? '' }),
    })
    expect((await callTool(local.resource, 'write_file', second)).status).toBe(401)
    expect((await callTool(local.resource, 'read_file', first)).status).toBe(200)
  })

  it.each(['opaque', 'jwt'])(
    'issues %s tokens for one of several servers, and the others refuse them',
    async ACCESS_TOKEN_FORMAT => {
      const { post, json, form, callTool } = start({ files: local, mail: localMail }, { ACCESS_TOKEN_FORMAT })
      const { client_id = '', client_secret = '' } = await json(
        await post(`${ORIGIN}/oauth/register`, {
          client_name: 'A machine',
          grant_types: ['client_credentials'],
          token_endpoint_auth_method: 'client_secret_post',
        }),
      )
      const tokenOf = async (resource: string, scope: string) => {
        const { access_token = '' } = await form(`${ORIGIN}/oauth/token`, {
          grant_type: 'client_credentials',
          client_id,
          client_secret,
          resource,
          scope,
        })
        return access_token
      }
      const forFiles = await tokenOf(local.resource, 'files:read')
      const forMail = await tokenOf(localMail.resource, 'mail:read')
      expect((await callTool(local.resource, 'read_file', forFiles)).status).toBe(200)
      expect((await callTool(localMail.resource, 'read_mail', forMail)).status).toBe(200)
      expect((await callTool(local.resource, 'read_file', forMail)).status).toBe(401)
      expect((await callTool(localMail.resource, 'read_mail', forFiles)).status).toBe(401)
    },
  )

  it('refuses to start the demo sign-in where others can reach it, unless that is allowed', () => {
    const env = { AUTH_PROVIDER: 'demo' }
    expect(problems(() => createAuth(files, { env }))).toEqual([
      expect.stringMatching(/^AUTH_PROVIDER: includes demo, a sign-in that lets anybody in as anybody/),
    ])
    const allowed = { ...env, DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on' }
    expect(createAuth(files, { env: allowed, observer: {} }).validator.issuers).toEqual(['https://mcp.example.com'])
  })

  it('stands below the path of PUBLIC_URL when embedded, and at an origin of its own beside', () => {
    const env = { AUTH_PROVIDER: 'demo', PUBLIC_URL: 'http://localhost:3000/team-a' }
    const embedded = createAuth({ ...files, resource: '/mcp' }, { env, observer: {} })
    expect(embedded.authorizationServer?.issuer).toBe('http://localhost:3000/team-a')
    expect(embedded.validator.issuers).toEqual(['http://localhost:3000/team-a'])
    const beside = createAuth(
      { ...files, resource: '/mcp' },
      { env: { ...env, AUTH_MODE: 'beside', AUTH_SERVER_PORT: '5400' }, observer: {} },
    )
    expect(beside.resource).toBe('http://localhost:3000/team-a/mcp')
    expect(beside.authorizationServer).toBeUndefined()
    expect(beside.validator.issuers).toEqual(['http://localhost:5400'])
  })
})

describe('a process that is told to stop', () => {
  it('is not ready any more, and answers on', async () => {
    const stop = new AbortController()
    const auth = createAuth(files, surroundings({}, { stopping: stop.signal }))
    onTestFinished(() => auth.close())
    await auth.ready()
    stop.abort(new Error('the server is shutting down'))
    await expect(auth.ready()).rejects.toThrow('the server is shutting down')
    expect((await call(auth, 'whoami', await tokenFor(files.resource, 'files:read'))).status).toBe(200)
  })
})
