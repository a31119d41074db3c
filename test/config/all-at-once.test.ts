import { describe, expect, it } from 'vitest'
import { type LoadOptions, loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'

const library: LoadOptions = { isLibrary: true, resources: { files: { resource: 'http://localhost:3000/mcp' } } }

/** Everything that stops the start, each as a line. */
function problems(env: Record<string, string>, options: LoadOptions = library): string[] {
  try {
    loadConfiguration(env, options)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ setting, problem }) => `${setting} ${problem}`)
  }
}

const settings = (lines: readonly string[]) => lines.map(line => line.split(' ')[0])

describe('a setting that is wrong', () => {
  it('a wrong setting hides no problem of the provider', () => {
    const env = { AUTH_PROVIDER: 'okta', TOKEN_CACHE_SECONDS: 'often', DPOP: 'maybe' }
    expect(settings(problems(env))).toEqual(['DPOP', 'TOKEN_CACHE_SECONDS', 'OKTA_DOMAIN'])
  })

  it('a wrong setting hides no problem of the bridge, of clients, or of the URLs', () => {
    const env = {
      AUTH_PROVIDER: 'auth0',
      AUTH_BRIDGE: 'on',
      CIMD: 'yes',
      AUTH_CLIENTS_FILE: '/nowhere/clients.json',
      PUBLIC_URL: 'https://mcp.example.com',
    }
    const resources = { files: { resource: 'https://other.example.com/mcp' } }
    const found = settings(problems(env, { isLibrary: true, resources }))
    expect(found).toEqual(
      expect.arrayContaining(['CIMD', 'PUBLIC_URL', 'BRIDGE_CLIENT_ID', 'AUTH0_DOMAIN', 'AUTH_CLIENTS_FILE']),
    )
  })

  it.each<[Record<string, string>, string[]]>([
    [{ PUBLIC_URL: 'ftp://mcp.example.com' }, ['PUBLIC_URL']],
    [{ AUTH_PROVIDER: 'oktaa', HOST: '0.0.0.0' }, ['AUTH_PROVIDER']],
    [
      { AUTH_PROVIDER: 'demo', DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'yes', HOST: '0.0.0.0' },
      ['DANGEROUSLY_ALLOW_FAKE_SIGN_IN'],
    ],
    [{ AUTH_MODE: 'besides', AUTH_SERVER_PORT: '3232' }, ['AUTH_MODE']],
    [
      { DEMO_RS_CLIENT_SECRET: 'short', AUTH_MODE: 'separate', AUTH_SERVER_URL: 'https://a.example' },
      ['DEMO_RS_CLIENT_SECRET'],
    ],
    [
      {
        AUTH_SERVER_URL: 'auth.example.com',
        AUTH_BRIDGE: 'on',
        AUTH_PROVIDER: 'auth0',
        AUTH0_DOMAIN: 'a.eu.auth0.com',
        AUTH0_AUDIENCE: 'x',
      },
      ['AUTH_SERVER_URL'],
    ],
    [{ NODE_ENV: 'production', AUTH_PROVIDER: 'demo', REDIS_URL: 'localhost' }, ['REDIS_URL']],
  ])('is told once, and no problem that only follows from it: %j', (env, expected) => {
    expect(settings(problems(env, {}))).toEqual(expected)
  })
})

describe('what Kubernetes sets for a service that is called auth-server', () => {
  it.each(['tcp://10.0.0.1:80', 'udp://10.0.0.1:53'])('warns of a service link and starts: %s', link => {
    const env = { AUTH_SERVER_PORT: link, AUTH_SERVER_SERVICE_HOST: '10.0.0.1', AUTH_SERVER_PORT_80_TCP: link }
    const { settings, warnings } = loadConfiguration({ ...env, AUTH_MODE: 'beside' }, library)
    expect(settings.AUTH_SERVER_PORT).toBe(3001)
    expect(warnings).toEqual([
      {
        setting: 'AUTH_SERVER_PORT',
        problem: expect.stringMatching(/^is not read: Kubernetes or Docker set it .*enableServiceLinks: false/),
        see: 'docs/settings.md',
      },
    ])
  })

  it('refuses a port that is neither a number nor a service link', () => {
    expect(settings(problems({ AUTH_SERVER_PORT: 'http://10.0.0.1:80' }))).toEqual(['AUTH_SERVER_PORT'])
  })
})

describe('PUBLIC_URL with the path of the endpoint', () => {
  const okta = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' }
  const wrong = (url: string, base: string, path = '/mcp') =>
    `PUBLIC_URL is ${url}, and the endpoint ${path} is appended to it: give the URL without the endpoint, ${base}. If clients do reach it at ${url.replace(/\/$/, '')}${path}, declare that as the resource`

  it.each([
    ['https://mcp.example.com/mcp', 'https://mcp.example.com'],
    ['https://mcp.example.com/mcp/', 'https://mcp.example.com'],
    ['https://example.com/team-a/mcp', 'https://example.com/team-a'],
  ])('is not taken for a server at /mcp/mcp: %s', (url, base) => {
    expect(problems({ ...okta, PUBLIC_URL: url }, {})).toEqual([wrong(url, base)])
  })

  it('reports a doubled endpoint for each server and each URL', () => {
    const resources = { files: { resource: '/files' }, mail: { resource: '/mail' } }
    const urls = ['https://a.example', 'https://b.example/files']
    expect(problems({ ...okta, PUBLIC_URL: urls.join() }, { resources })).toEqual([
      wrong('https://b.example/files', 'https://b.example', '/files'),
    ])
    const further = { files: { resource: '/files', publicUrls: ['https://c.example/files'] } }
    expect(problems({ ...okta, PUBLIC_URL: 'https://a.example' }, { resources: further })).toEqual([
      expect.stringMatching(/^publicUrls is https:\/\/c\.example\/files, and the endpoint/),
    ])
  })

  it('reports a doubled endpoint of a server that PUBLIC_URL moves', () => {
    const resources = { files: { resource: 'http://localhost:3000/mcp' } }
    const url = 'https://mcp.example.com/mcp'
    expect(problems({ ...okta, PUBLIC_URL: url }, { resources })).toEqual([wrong(url, 'https://mcp.example.com')])
  })

  it('accepts PUBLIC_URL where the declaration names the whole URL, or its last part only looks alike', () => {
    const declared = { files: { resource: 'https://mcp.example.com/mcp/mcp' } }
    const PUBLIC_URL = 'https://mcp.example.com/mcp'
    expect(loadConfiguration({ ...okta, PUBLIC_URL }, { resources: declared }).resource).toBe(`${PUBLIC_URL}/mcp`)
    expect(loadConfiguration({ ...okta, PUBLIC_URL: 'https://a.example/my-mcp' }).resource).toBe(
      'https://a.example/my-mcp/mcp',
    )
  })
})

describe('a bridge in front of servers without scopes', () => {
  const bridge = {
    AUTH_PROVIDER: 'auth0',
    AUTH0_DOMAIN: 'acme.eu.auth0.com',
    AUTH_BRIDGE: 'on',
    BRIDGE_CLIENT_ID: 'a-client',
    BRIDGE_CLIENT_SECRET: 'a-secret',
    BRIDGE_ALLOW: 'everyone',
  }
  const resource = 'http://localhost:3000/mcp'

  it('needs no scopes to grant', () => {
    const { bridge: found } = loadConfiguration(bridge, {
      isLibrary: true,
      resources: { clock: { resource, scopes: {} } },
    })
    expect(found).toMatchObject({ allow: ['everyone'], grants: [] })
  })

  it('needs them as soon as one server has scopes, or it is not known', () => {
    const scopes = { 'files:read': 'Read' }
    for (const files of [{ resource, scopes }, { resource }]) {
      expect(settings(problems(bridge, { isLibrary: true, resources: { files } }))).toEqual(['BRIDGE_GRANT_SCOPES'])
    }
  })
})
