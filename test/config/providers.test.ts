import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'

const folder = mkdtempSync(join(tmpdir(), 'idplug-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: unknown): string {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

function load(env: Record<string, string>) {
  const { providers } = loadConfiguration(env)
  return providers.map(({ adapter, options }) => ({ ...options, adapter: adapter.name }))
}

/** Problems by setting; fails when there are none. */
function problems(env: Record<string, string>): Record<string, string> {
  try {
    loadConfiguration(env)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    const { problems } = error as ConfigError
    for (const { see } of problems) expect(see).toMatch(/^docs\/.+\.md$/)
    return Object.fromEntries(problems.map(({ setting, problem }) => [setting, problem]))
  }
  return expect.fail('the configuration was accepted')
}

describe('the provider in force', () => {
  it('uses the demo by default', () => {
    expect(load({})).toMatchObject([{ adapter: 'demo' }])
  })

  it('uses the provider that AUTH_PROVIDER names', () => {
    expect(load({ AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' })).toMatchObject([
      {
        adapter: 'okta',
        metadataUrl: 'https://acme.okta.com/oauth2/default/.well-known/openid-configuration',
        agentTokens: false,
      },
    ])
  })

  it.each([
    ['https://acme.okta.com/oauth2/aus1', 'okta'],
    ['https://id.example.com/realms/acme', 'oidc'],
  ])('is told by AUTH_METADATA_URL alone: %s', (AUTH_METADATA_URL, adapter) => {
    expect(load({ AUTH_METADATA_URL })).toMatchObject([{ adapter, metadataUrl: AUTH_METADATA_URL }])
  })

  it.each([
    'https://acme.eu.auth0.com/.well-known/jwks.json',
    'https://acme.okta.com/oauth2/default/v1/keys',
    'https://id.example.com/realms/acme/protocol/openid-connect/certs',
    'https://id.example.com/oauth/token/',
    'https://id.example.com/oauth2/authorize?audience=x',
  ])('is asked for where it is an endpoint: %s', AUTH_METADATA_URL => {
    expect(problems({ AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL }).AUTH_METADATA_URL).toContain('the URL of an endpoint')
  })

  it('takes the metadata URL from AUTH_METADATA_URL in place of the file’s', () => {
    const env = { AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL: 'https://acme.okta.com/oauth2/default' }
    expect(load(env)).toMatchObject([{ adapter: 'oidc', metadataUrl: env.AUTH_METADATA_URL }])
  })

  it.each([
    [{ AUTH_PROVIDER: 'auht0' }, 'AUTH_PROVIDER'],
    [{ AUTH_PROVIDER: 'demo,Auth0' }, 'AUTH_PROVIDER'],
    [{ AUTH_SHADOW: 'auth' }, 'AUTH_SHADOW'],
  ])('is asked for where its name is misspelled: %j', (env, setting) => {
    expect(problems(env)[setting]).toContain('names no provider. Did you mean auth0? It must be one')
  })

  it.each(['azure-ad', 'microsoft', 'entra-id'])('is asked for where its name is one of people for it: %s', name => {
    expect(problems({ AUTH_PROVIDER: name }).AUTH_PROVIDER).toMatch(/Did you mean (azure|entra)\?/)
  })

  it.each([
    ['okta', 'https://acme.eu.auth0.com/.well-known/openid-configuration', 'auth0'],
    ['azure', 'https://acme.okta.com/oauth2/default', 'okta'],
    ['google', 'https://login.microsoftonline.com/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0', 'azure'],
    ['auth0', 'https://accounts.google.com', 'google'],
  ])('is asked for, and nothing else is, where it is %s and the URL is %s', (name, AUTH_METADATA_URL, other) => {
    const bridge = { AUTH_BRIDGE: 'on', BRIDGE_CLIENT_ID: 'b', BRIDGE_CLIENT_SECRET: 's', BRIDGE_ALLOW: 'everyone' }
    for (const env of [{}, { ...bridge, BRIDGE_GRANT_SCOPES: 'notes:read' }]) {
      const found = problems({ ...env, AUTH_PROVIDER: name, AUTH_METADATA_URL })
      expect(Object.keys(found)).toEqual(['AUTH_METADATA_URL'])
      expect(found.AUTH_METADATA_URL).toContain(`set AUTH_PROVIDER=${other}, or the URL to that of `)
    }
  })

  it.each(['./acme.json', './acme.ts', '@acme/idplug-adapter', 'acme'])(
    'leads to AUTH_CONFIG where it names %s, which is of the user’s own',
    AUTH_PROVIDER => {
      expect(problems({ AUTH_PROVIDER }).AUTH_PROVIDER).toContain('goes into AUTH_CONFIG (docs/adapters.md)')
    },
  )

  it('does not lead to AUTH_CONFIG where its name is misspelled', () => {
    expect(problems({ AUTH_PROVIDER: 'auht0' }).AUTH_PROVIDER).not.toContain('AUTH_CONFIG')
  })

  it('accepts several providers, each once', () => {
    const env = { AUTH_PROVIDER: 'demo, okta demo', OKTA_DOMAIN: 'acme.okta.com' }
    expect(load(env).map(({ adapter }) => adapter)).toEqual(['demo', 'okta'])
  })

  it('refuses one metadata URL for several providers', () => {
    const env = { AUTH_PROVIDER: 'oidc,okta', OKTA_DOMAIN: 'x', AUTH_METADATA_URL: 'https://acme.okta.com' }
    expect(problems(env).AUTH_METADATA_URL).toContain('several providers')
  })

  it('gives AUTH_METADATA_URL to the other provider beside demo', () => {
    const AUTH_METADATA_URL = 'https://acme.okta.com/oauth2/aus1'
    expect(load({ AUTH_PROVIDER: 'demo,okta', AUTH_METADATA_URL })).toMatchObject([
      { adapter: 'demo', metadataUrl: 'http://localhost:3001/.well-known/oauth-authorization-server' },
      { adapter: 'okta', metadataUrl: AUTH_METADATA_URL },
    ])
  })
})

describe('the provider in the shadow', () => {
  const shadowOf = (env: Record<string, string>) => {
    const { providers, shadow } = loadConfiguration(env)
    return { inForce: providers.map(({ adapter }) => adapter.name), shadow: shadow?.options }
  }

  it('is the one that AUTH_SHADOW names, beside the demo where nothing else is in force', () => {
    expect(shadowOf({ AUTH_SHADOW: 'auth0', AUTH0_DOMAIN: 'acme.eu.auth0.com' })).toMatchObject({
      inForce: ['demo'],
      shadow: { metadataUrl: 'https://acme.eu.auth0.com/.well-known/openid-configuration' },
    })
  })

  it('gives AUTH_METADATA_URL to the shadow, and does not choose the active provider by it', () => {
    const AUTH_METADATA_URL = 'https://acme.eu.auth0.com/'
    expect(shadowOf({ AUTH_SHADOW: 'auth0', AUTH_METADATA_URL })).toMatchObject({
      inForce: ['demo'],
      shadow: { metadataUrl: AUTH_METADATA_URL },
    })
  })

  it('accepts a file of the user’s own as the shadow', () => {
    const AUTH_SHADOW = file('new.json', { adapter: 'oidc', metadataUrl: 'https://id.example.com' })
    expect(shadowOf({ AUTH_SHADOW })).toMatchObject({ shadow: { metadataUrl: 'https://id.example.com' } })
  })

  it('accepts the provider behind the bridge as the shadow', () => {
    const AUTH_METADATA_URL = 'https://acme.eu.auth0.com/'
    const bridge = { AUTH_BRIDGE: 'on', BRIDGE_CLIENT_ID: 'bridge', BRIDGE_CLIENT_SECRET: 'secret' }
    const who = { BRIDGE_ALLOW: 'everyone', BRIDGE_GRANT_SCOPES: 'notes:read', BRIDGE_GRANT_TO: 'everyone' }
    const env = { ...bridge, ...who, AUTH_PROVIDER: 'auth0', AUTH_SHADOW: 'auth0', AUTH_METADATA_URL }
    expect(shadowOf(env)).toMatchObject({ inForce: ['demo'], shadow: { metadataUrl: AUTH_METADATA_URL } })
  })

  it.each([
    [{ AUTH_SHADOW: 'autho' }, 'AUTH_SHADOW', 'must be one of auth0'],
    [{ AUTH_SHADOW: 'demo' }, 'AUTH_SHADOW', 'is already active'],
    [{ AUTH_SHADOW: 'auth0' }, 'AUTH0_DOMAIN', 'is not set'],
  ])('stops the start when it cannot work: %j', (env, setting, part) => {
    expect(problems(env)[setting]).toContain(part)
  })
})

describe('what is missing', () => {
  it('lists all missing settings at once, with what they are for', () => {
    expect(problems({ AUTH_PROVIDER: 'introspection,okta' })).toEqual({
      INTROSPECTION_METADATA_URL: expect.stringMatching(/^is not set\. .+ needs it for metadataUrl, .+: URL of the/),
      INTROSPECTION_CLIENT_ID: expect.stringContaining('Client id under which this server introspects'),
      INTROSPECTION_CLIENT_SECRET: expect.stringContaining('nor is INTROSPECTION_CLIENT_SECRET_FILE'),
      OKTA_DOMAIN: expect.stringMatching(
        /^is not set\. Okta needs it for metadataUrl, .+: the part OKTA_DOMAIN of https:\/\/OKTA_DOMAIN\/oauth2\/default\/\S+$/,
      ),
    })
  })

  it('asks for a secret only where something needs it', () => {
    const env = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com', OKTA_INTROSPECTION_CLIENT_ID: 'introspector' }
    expect(Object.keys(problems(env))).toEqual(['OKTA_INTROSPECTION_CLIENT_SECRET'])
  })
})

describe('secrets', () => {
  const env = {
    AUTH_PROVIDER: 'introspection',
    INTROSPECTION_METADATA_URL: 'https://as.example.com',
    INTROSPECTION_CLIENT_ID: 'rs',
  }

  it('are read from the variable, or from the file that NAME_FILE names', () => {
    const byName = loadConfiguration({ ...env, INTROSPECTION_CLIENT_SECRET: 'direct' })
    expect(byName.providers[0]?.secret('INTROSPECTION_CLIENT_SECRET')).toBe('direct')
    const INTROSPECTION_CLIENT_SECRET_FILE = file('secret', 'from-a-file\n')
    const byFile = loadConfiguration({ ...env, INTROSPECTION_CLIENT_SECRET_FILE })
    expect(byFile.providers[0]?.secret('INTROSPECTION_CLIENT_SECRET')).toBe('from-a-file')
    expect(JSON.stringify(byFile)).not.toContain('from-a-file')
  })

  it('names a secret that cannot be read once', () => {
    const INTROSPECTION_CLIENT_SECRET_FILE = join(folder, 'none')
    expect(problems({ ...env, INTROSPECTION_CLIENT_SECRET_FILE })).toEqual({
      INTROSPECTION_CLIENT_SECRET_FILE: expect.stringContaining('ENOENT'),
    })
  })

  it('names a secret that cannot be used without showing it', () => {
    const found = problems({
      ...env,
      INTROSPECTION_AUTH_METHOD: 'private_key_jwt',
      INTROSPECTION_CLIENT_SECRET: 'hunter2',
    })
    expect(found.INTROSPECTION_CLIENT_SECRET).toContain('private key')
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })
})

describe('a setting that is wrong', () => {
  it.each([
    ['OKTA_DOMAIN', 'https://acme.okta.com', 'host name alone'],
    ['OKTA_DOMAIN', 'acme.okta.com/', 'host name alone'],
    ['OKTA_DOMAIN', 'me@acme.okta.com', 'host name alone'],
    ['OKTA_DOMAIN', 'acme-admin.okta.com', 'https://acme.okta.com'],
    ['OKTA_AGENT_TOKENS', 'yes', 'AI agents'],
  ])('%s=%s is reported under its name, with what to write', (setting, value, part) => {
    const env = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com', [setting]: value }
    expect(problems(env)[setting]).toContain(part)
  })

  it('reports a wrong setting deep in a file under its place', () => {
    const env = { AUTH_PROVIDER: 'google', GOOGLE_CLIENT_IDS: '1-a.apps.googleusercontent.com' }
    const found = problems({ ...env, GOOGLE_GRANT_SCOPES: 'notes:read', GOOGLE_GRANT_TO: 'ada' })
    expect(found.GOOGLE_GRANT_TO).toContain('must be everyone')
  })

  it.each([
    ['https://acme-admin.okta.com/oauth2/default', 'admin console'],
    ['http://acme.okta.com/oauth2/default', 'https://'],
  ])('AUTH_METADATA_URL=%s too', (AUTH_METADATA_URL, part) => {
    expect(problems({ AUTH_METADATA_URL }).AUTH_METADATA_URL).toContain(part)
  })
})

describe('AUTH_CONFIG', () => {
  const good = { adapter: 'oidc', metadataUrl: 'https://id.example.com' }

  it('AUTH_CONFIG uses a file of the user’s own, with references to the environment', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how the files refer to the environment.
    const AUTH_CONFIG = file('own.json', { ...good, audience: '${MCP_RESOURCE}', scopePrefix: '${PREFIX:-x/}' })
    expect(load({ AUTH_CONFIG, PUBLIC_URL: 'https://mcp.example.com' })).toMatchObject([
      { adapter: 'oidc', audience: ['https://mcp.example.com/mcp'], scopePrefix: 'x/' },
    ])
  })

  it('AUTH_CONFIG may name several files', () => {
    const one = file('one.json', good)
    const two = file('two.json', { ...good, metadataUrl: 'https://other.example.com' })
    expect(load({ AUTH_CONFIG: `${one}, ${two}` })).toMatchObject([
      { metadataUrl: 'https://id.example.com' },
      { metadataUrl: 'https://other.example.com' },
    ])
  })

  it('refuses AUTH_CONFIG beside AUTH_PROVIDER', () => {
    const found = problems({ AUTH_CONFIG: file('own.json', good), AUTH_PROVIDER: 'demo' })
    expect(found.AUTH_CONFIG).toContain('AUTH_PROVIDER are both set')
  })

  it.each<[string, unknown, string, string]>([
    ['holds no object', [], '', 'must hold a JSON object'],
    ['names no adapter', { metadataUrl: 'https://id.example.com' }, ': adapter', 'auth0, azure, demo'],
    ['names an unknown adapter', { ...good, adapter: 'oidcc' }, ': adapter', '(did you mean oidc?)'],
    ['has an unknown option', { ...good, audiance: 'x' }, ': file', 'has no option audiance (did you mean audience?)'],
    [
      'has an unknown option further in',
      { ...good, scopeNames: { 'notes:read': { wires: 'x' } } },
      ': scopeNames.notes:read',
      'has no option wires (did you mean wire?); it has wire, token',
    ],
    ['lacks an option', { adapter: 'oidc' }, ': metadataUrl', 'is missing: URL of the metadata document'],
    ['has a wrong value', { ...good, algorithms: ['HS256'] }, ': algorithms.0', 'Accepted signature algorithms'],
    ['has a mistake', { ...good, subjectClaim: 'email' }, ': subjectClaim', 'immutable'],
  ])('is reported when the file %s', (_what, content, place, part) => {
    const AUTH_CONFIG = file('wrong.json', content)
    expect(problems({ AUTH_CONFIG })[AUTH_CONFIG + place]).toContain(part)
  })

  it('reports where a file is not JSON, without showing its text', () => {
    const AUTH_CONFIG = file('wrong.json', '{\n  "adapter": "oidc",\n  "clientSecret": hunter2 }')
    const found = problems({ AUTH_CONFIG })
    expect(found).toEqual({ AUTH_CONFIG: `${AUTH_CONFIG} is not JSON (line 3, column 19)` })
  })

  it('reports a file of AUTH_CONFIG that does not exist', () => {
    expect(problems({ AUTH_CONFIG: join(folder, 'gone.json') }).AUTH_CONFIG).toContain('ENOENT')
  })

  describe('with an adapter of the user’s own', () => {
    const module = (name: string, code: string) => file(`adapters/${name}`, code)
    const withAdapter = (adapter: string) => file('own.json', { ...good, adapter })

    it.each<[string, string, string]>([
      ['is not there', './adapters/none.mjs', './adapters/none.mjs does not exist'],
      ['does not run', './adapters/broken.mjs', 'cannot be loaded: out of order'],
      ['exports none', './adapters/empty.mjs', 'must export an adapter'],
      ['exports something else', './adapters/other.mjs', 'must export an adapter'],
    ])('is reported when the module %s', (_what, adapter, part) => {
      module('broken.mjs', "throw new Error('out of order')")
      module('empty.mjs', 'export const other = 1')
      module('other.mjs', "export const adapter = { name: 'x', title: 'X', create() {} }")
      const AUTH_CONFIG = withAdapter(adapter)
      expect(problems({ AUTH_CONFIG })[`${AUTH_CONFIG}: adapter`]).toContain(part)
    })

    it('loads an adapter from an installed package', () => {
      file('node_modules/acme-adapter/package.json', { type: 'module', exports: './index.js' })
      file(
        'node_modules/acme-adapter/index.js',
        `export const adapter = {
          name: 'acme', title: 'Acme', create() {},
          options: { shape: {}, safeParse: data => ({ success: true, data }) },
        }`,
      )
      expect(load({ AUTH_CONFIG: withAdapter('acme-adapter') })).toMatchObject([
        { adapter: 'acme', metadataUrl: 'https://id.example.com' },
      ])
    })

    it.each([
      ['not-installed', 'must be one of'],
      ['https://evil.example/a.mjs', 'must be one of'],
      ['data:text/javascript,export const adapter = 1', 'must be one of'],
      ['node:fs', 'must export an adapter'],
    ])('is neither fetched nor built in: %s', (adapter, part) => {
      const AUTH_CONFIG = withAdapter(adapter)
      expect(problems({ AUTH_CONFIG })[`${AUTH_CONFIG}: adapter`]).toContain(part)
    })
  })
})
