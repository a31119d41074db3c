import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, createAuths } from 'idplug'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type GatewayConfiguration, readGatewayFile, watchGatewayFile } from '../../../app/gateway/configuration.ts'
import { publishedGatewaySchema } from '../../../docs/gateway-schema.ts'
import { replaceFile } from '../../support/replace-file.ts'

const ENV = {
  PUBLIC_URL: 'https://mcp.example.com',
  AUTH_PROVIDER: 'okta',
  OKTA_DOMAIN: 'acme.okta.com',
}
const files = {
  to: 'http://127.0.0.1:8000/mcp',
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] }, anonymous: { methods: ['tools/list'] } },
}
const legacy = { run: ['python', 'server.py'], name: 'Legacy', scopes: {} }

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'idplug-gateway-'))
  path = join(folder, 'gateway.json')
})
afterEach(() => rm(folder, { recursive: true }))

const write = (content: unknown) => replaceFile(path, typeof content === 'string' ? content : JSON.stringify(content))

async function read(content: unknown, env: Record<string, string> = ENV): Promise<GatewayConfiguration> {
  write(content)
  return readGatewayFile(path, env)
}

async function problemsOf(content: unknown, env: Record<string, string> = ENV): Promise<string[]> {
  const error = await read(content, env).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ConfigError)) throw error ?? new Error('nothing is wrong with it')
  return error.problems.map(({ setting, problem }) => `${setting} ${problem}`)
}

describe('a file', () => {
  test('gives each resource its declaration, its target and its identity', async () => {
    const { groups } = await read({ $schema: 'gateway.json', resources: { files, legacy } })
    expect(groups).toHaveLength(1)
    const [group] = groups
    expect(group?.env).toBe(ENV)
    expect(group?.declarations).toEqual({
      files: {
        resource: '/files/mcp',
        name: 'Files',
        scopes: files.scopes,
        initialScopes: ['files:read'],
        access: files.access,
      },
      legacy: { resource: '/legacy/mcp', name: 'Legacy', scopes: {} },
    })
    expect(group?.targets).toEqual({
      files: { place: { kind: 'url', url: 'http://127.0.0.1:8000/mcp' }, identity: { kind: 'assertion' } },
      legacy: {
        place: {
          kind: 'command',
          command: ['python', 'server.py'],
          env: {},
          processPer: 'session',
          callerEnvironment: false,
        },
        identity: { kind: 'none' },
      },
    })
  })

  test('gives what createAuths takes, at URLs that differ by path or by host', async () => {
    const other = { ...legacy, resource: 'https://legacy.example.com/mcp' }
    const { groups: whole } = await read(
      { resources: { files: { ...files, resource: 'https://mcp.example.com/files/mcp' }, other } },
      { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' },
    )
    const [{ declarations, env }] = whole as [GatewayConfiguration['groups'][0]]
    const auths = createAuths(declarations, { env })
    onTestFinished(() => auths.files?.close())
    expect(Object.values(auths).map(({ resource }) => resource)).toEqual([
      'https://mcp.example.com/files/mcp',
      'https://legacy.example.com/mcp',
    ])
  })

  test('hands a command the variables that it names, and no others', async () => {
    const { groups } = await read(
      {
        resources: {
          legacy: { ...legacy, pass: ['GITHUB_TOKEN', 'NOT_SET'], processPer: 'person', identity: 'environment' },
        },
      },
      { ...ENV, GITHUB_TOKEN: 'x', OTHER: 'y' },
    )
    expect(groups[0]?.targets.legacy?.place).toEqual({
      kind: 'command',
      command: ['python', 'server.py'],
      env: { GITHUB_TOKEN: 'x' },
      processPer: 'person',
      callerEnvironment: true,
    })
  })

  test('says what a server at a URL speaks', async () => {
    const { groups } = await read({
      resources: { files: { ...files, transport: 'sse' }, other: { ...files, transport: 'http' } },
    })
    const url = 'http://127.0.0.1:8000/mcp'
    const places = groups.flatMap(({ targets }) => [targets.files?.place, targets.other?.place])
    expect(places).toEqual([
      { kind: 'url', url, transport: 'sse' },
      { kind: 'url', url },
    ])
  })

  test('names the variable of a fixed credential', async () => {
    const resources = { files: { ...files, identity: { credentialEnv: 'FILES_KEY', header: 'X-API-Key' } } }
    const { groups } = await read({ resources }, { ...ENV, FILES_KEY: 'k-1' })
    expect(groups[0]?.targets.files?.identity).toEqual({ kind: 'credential', header: 'X-API-Key', value: 'k-1' })
    const mounted = join(folder, 'secret')
    await writeFile(mounted, 'Bearer k-2\n')
    const { groups: fromFile } = await read(
      { resources: { files: { ...files, identity: { credentialEnv: 'FILES_KEY' } } } },
      { ...ENV, FILES_KEY_FILE: mounted },
    )
    expect(fromFile[0]?.targets.files?.identity).toEqual({
      kind: 'credential',
      header: 'authorization',
      value: 'Bearer k-2',
    })
  })

  test('may give a resource another provider, without what chose the one for all', async () => {
    const own = { ...legacy, settings: { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com' } }
    const { groups } = await read({ resources: { files, legacy: own, third: { ...own, name: 'Third' } } })
    expect(groups.map(({ declarations }) => Object.keys(declarations))).toEqual([['files'], ['legacy', 'third']])
    const auths = groups.flatMap(({ declarations, env }) => Object.values(createAuths(declarations, { env })))
    onTestFinished(() => Promise.all(auths.map(auth => auth.close())).then(() => {}))
    expect(auths.map(({ validator }) => validator.issuers[0])).toEqual([
      expect.stringContaining('acme.okta.com'),
      expect.stringContaining('acme.eu.auth0.com'),
      expect.stringContaining('acme.eu.auth0.com'),
    ])
  })
})

describe('is refused', () => {
  const one = (changes: Record<string, unknown>) => ({ resources: { files: { ...files, ...changes } } })

  test.each<[string, unknown, string]>([
    ['what is not JSON', '{"resources": {', 'gateway.json is not JSON (line 1, column 16)'],
    ['a list', [], 'gateway.json must be an object with the member resources'],
    [
      'a file without resources',
      { resources: {} },
      'gateway.json: resources must be an object with one resource at least',
    ],
    [
      'a misspelled member of the file',
      { resource: {}, resources: { files } },
      'gateway.json: resource is not known (did you mean resources?)',
    ],
    [
      'a misspelled member of a resource',
      one({ proces_per: 'person' }),
      'gateway.json: resources.files.proces_per is not known (did you mean processPer?)',
    ],
    [
      'a transport that nobody speaks',
      one({ transport: 'websocket' }),
      'gateway.json: resources.files.transport must be http or sse',
    ],
    [
      'a transport for a command',
      { resources: { files: { ...legacy, transport: 'sse' } } },
      'gateway.json: resources.files.transport is for a server at a URL; a command speaks stdio',
    ],
    [
      'a misspelled member of a declaration',
      one({ initialScope: [] }),
      'gateway.json: resources.files.initialScope is not known (did you mean initialScopes?)',
    ],
    [
      'a misspelled scope',
      one({ initialScopes: ['files:raed'] }),
      'gateway.json: resources.files.initialScopes names files:raed, which is not declared (did you mean files:read?)',
    ],
    [
      'a resource without a name',
      one({ name: undefined }),
      'gateway.json: resources.files.name is missing: Name for people',
    ],
    [
      'a resource without a target',
      one({ to: undefined }),
      'gateway.json: resources.files.to is missing: give the URL of the server, or its command in run',
    ],
    [
      'a resource with two targets',
      one({ run: ['x'] }),
      'gateway.json: resources.files.run and to are both given; keep one',
    ],
    [
      'a command in one text',
      { resources: { legacy: { ...legacy, run: 'python server.py' } } },
      'gateway.json: resources.legacy.run must be a list: the command, then its arguments',
    ],
    ['variables for a URL', one({ pass: ['A'] }), 'gateway.json: resources.files.pass is for a command in run'],
    [
      'a target that is not HTTP',
      one({ to: 'ftp://host/' }),
      'gateway.json: resources.files.to must be a URL like http://127.0.0.1:8000/mcp',
    ],
    [
      'a name that cannot stand in a path',
      { resources: { 'My Files': files } },
      'gateway.json: resources.My Files must be called by small letters',
    ],
    [
      'an unknown identity',
      one({ identity: 'jwt' }),
      'gateway.json: resources.files.identity must be assertion, headers, environment, none, or',
    ],
    [
      'a credential in a header that frames messages',
      one({ identity: { credentialEnv: 'A', header: 'Content-Length' } }),
      'gateway.json: resources.files.identity',
    ],
    [
      'a credential whose variable is not set',
      one({ identity: { credentialEnv: 'FILES_KEY' } }),
      'gateway.json: resources.files.identity.credentialEnv names FILES_KEY, which is not set',
    ],
    ['two resources at one URL', { resources: { files, other: { ...legacy, resource: '/files/mcp' } } }, '/files/mcp'],
    [
      'a setting of the whole gateway',
      one({ settings: { PUBLIC_URL: 'https://x.example' } }),
      'gateway.json: resources.files.settings.PUBLIC_URL is a setting of the whole gateway',
    ],
    [
      'a misspelled setting',
      one({ settings: { AUTH_PROVDER: 'okta' } }),
      'gateway.json: resources.files.settings.AUTH_PROVDER is not a setting (did you mean AUTH_PROVIDER?)',
    ],
    [
      'an unknown provider',
      one({ settings: { AUTH_PROVIDER: 'octa' } }),
      'gateway.json: resources.files.settings.AUTH_PROVIDER',
    ],
  ])('%s', async (_what, content, problem) => {
    expect((await problemsOf(content)).filter(text => text.includes(problem))).toHaveLength(1)
  })

  test('two resources at one URL with different providers', async () => {
    const own = { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com' }
    const other = { ...legacy, resource: '/files/mcp', settings: own }
    expect(await problemsOf({ resources: { files, other } })).toEqual([
      'gateway.json: resources.other.resource is https://mcp.example.com/files/mcp, which is that of files, too: give each a URL of its own',
    ])
  })

  test('two demo sign-ins at one origin', async () => {
    const env = { PUBLIC_URL: 'http://localhost:3000' }
    const other = { ...legacy, settings: { AUTH_PROVIDER: 'demo' } }
    expect((await problemsOf({ resources: { files, other } }, env)).join()).toContain('both sign people in by our own')
  })

  test('with everything that is wrong at once', async () => {
    const problems = await problemsOf({
      resources: {
        files: { ...files, to: 'x', lisning: 'hide' },
        legacy: { ...legacy, run: [], settings: { OKTA_DOMIAN: 'a' } },
      },
    })
    expect(problems.map(text => text.split(' ')[1])).toEqual([
      'resources.files.lisning',
      'resources.files.to',
      'resources.legacy.run',
      'resources.legacy.settings.OKTA_DOMIAN',
    ])
  })
})

describe('secrets are refused', () => {
  const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.'
  test.each<[string, Record<string, unknown>, string]>([
    ['in the URL', { to: 'http://user:hunter22@host/mcp' }, 'to must not hold credentials'],
    ['in the query', { to: 'https://host/mcp?api_key=hunter22' }, 'to must not hold a secret in its query'],
    ['as a member', { identity: { credentialEnv: 'Bearer hunter22' } }, 'identity'],
    ['as a token', { identity: { token: 'hunter22' } }, 'identity must be assertion'],
    [
      'in settings',
      { settings: { AUTH_PROVIDER: 'introspection', INTROSPECTION_CLIENT_SECRET: 'hunter22' } },
      'settings.INTROSPECTION_CLIENT_SECRET is a secret',
    ],
    [
      'of a store',
      { settings: { DATABASE_URL: 'postgres://a:hunter22@host/db' } },
      'settings.DATABASE_URL is a secret',
    ],
    ['as an argument', { to: undefined, run: ['server', '--api-key=hunter22'] }, 'run.1 looks like a secret'],
    ['as a key of a product', { to: undefined, run: ['server', 'ghp_hunter22'] }, 'run.1 looks like a secret'],
    ['as a JWT', { documentation: jwt }, 'documentation looks like a secret'],
  ])('%s, and not shown', async (_what, changes, problem) => {
    const problems = await problemsOf({ resources: { files: { ...files, ...changes } } })
    expect(problems.some(text => text.startsWith(`gateway.json: resources.files.${problem}`))).toBe(true)
    expect(problems.join()).not.toContain('hunter22')
    expect(problems.join()).not.toContain(jwt)
  })

  test('words that begin like one are not taken for one', async () => {
    const scopes = { 'files:read': 'Basic access to your files', 'files:write': 'Bearer of news' }
    await expect(read({ resources: { files: { ...files, scopes } } })).resolves.toHaveProperty('groups')
  })

  test('a credential that could end its header is refused, and not shown', async () => {
    const resources = { files: { ...files, identity: { credentialEnv: 'FILES_KEY' } } }
    const [problem] = await problemsOf({ resources }, { ...ENV, FILES_KEY: 'a\r\nx-mcp-user: admin' })
    expect(problem).toBe(
      'gateway.json: resources.files.identity.credentialEnv names FILES_KEY, which holds characters that a header cannot carry: use visible ASCII in one line',
    )
  })
})

describe('a file that changes', () => {
  async function watched(changed: (configuration: GatewayConfiguration) => void | Promise<void>) {
    write({ resources: { files } })
    const failed = vi.fn<(error: Error) => void>()
    const file = watchGatewayFile(path, ENV, { changed, failed }, 5)
    onTestFinished(() => file.close())
    return failed
  }

  test('is read again, and groups that are the same keep their id', async () => {
    const changed = vi.fn<(configuration: GatewayConfiguration) => void>()
    const failed = await watched(changed)
    const before = readGatewayFile(path, ENV)
    write({ resources: { files: { ...files, to: 'http://127.0.0.1:9000/mcp' } } })
    await vi.waitUntil(() => changed.mock.calls.length === 1)
    const after = changed.mock.calls[0]?.[0]
    expect(after?.groups[0]?.targets.files?.place).toEqual({ kind: 'url', url: 'http://127.0.0.1:9000/mcp' })
    expect(after?.groups[0]?.id).toBe(before.groups[0]?.id)
    write({ resources: { files: { ...files, name: 'More files' } } })
    await vi.waitUntil(() => changed.mock.calls.length === 2)
    expect(changed.mock.calls[1]?.[0].groups[0]?.id).not.toBe(before.groups[0]?.id)
    expect(failed).not.toHaveBeenCalled()
  })

  test('reports what is wrong with it, and takes over nothing until it is right', async () => {
    const changed = vi.fn<(configuration: GatewayConfiguration) => void>()
    const failed = await watched(changed)
    write('{"resources": ')
    await vi.waitUntil(() => failed.mock.calls.length === 1)
    expect(failed.mock.calls[0]?.[0].message).toContain('gateway.json: is not JSON')
    await rm(path)
    await vi.waitUntil(() => failed.mock.calls.length === 2)
    await symlink('gateway.json', path)
    await vi.waitUntil(() => failed.mock.calls.length === 3)
    expect(failed.mock.calls[2]?.[0].message).toContain('gateway.json: cannot be read (ELOOP)')
    expect(changed).not.toHaveBeenCalled()
    write({ resources: { files, legacy } })
    await vi.waitUntil(() => changed.mock.calls.length === 1)
  })

  test('reports what createAuths has against it', async () => {
    const error = new ConfigError([{ setting: 'X', problem: 'is wrong' }])
    const failed = await watched(() => Promise.reject(error))
    write({ resources: { files: { ...files, name: 'Other' } } })
    await vi.waitUntil(() => failed.mock.calls.length === 1)
    expect(failed.mock.calls[0]?.[0]).toBe(error)
  })
})

test('the published schema knows every member of a resource', () => {
  const { properties } = publishedGatewaySchema.properties.resources.additionalProperties
  expect(Object.keys(properties)).toEqual(
    expect.arrayContaining([
      'to',
      'transport',
      'run',
      'pass',
      'processPer',
      'identity',
      'settings',
      'name',
      'scopes',
      'access',
      'resource',
    ]),
  )
  for (const [name, member] of Object.entries(properties)) {
    expect(member, name).toHaveProperty('description', expect.stringMatching(/\w/))
  }
})
