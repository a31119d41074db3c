import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'
import { temporaryFile } from '../support/temporary-files.ts'

const KEY = Buffer.alloc(32, 7).toString('base64')
const complete = {
  AUTH_BRIDGE: 'on',
  AUTH_PROVIDER: 'google',
  BRIDGE_CLIENT_ID: 'the-bridge',
  BRIDGE_CLIENT_SECRET: 'the-secret',
  BRIDGE_ALLOW: '@example.com',
  BRIDGE_GRANT_SCOPES: 'notes:read',
}

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfiguration(env)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ setting, problem }) => `${setting}: ${problem}`)
  }
}

const file = (content: unknown) => temporaryFile('bridge.json', content)

describe('AUTH_BRIDGE=on', () => {
  const github = { ...complete, AUTH_PROVIDER: 'github', BRIDGE_ALLOW: 'everyone' }

  it('asks the API of GitHub where GITHUB_API_URL says', () => {
    const { bridge } = loadConfiguration({ ...github, GITHUB_API_URL: 'https://git.example.com/api/v3' })
    expect(bridge).toMatchObject({ apiUrl: 'https://git.example.com/api/v3' })
  })

  it.each(['git.example.com', 'http://git.example.com/api/v3'])('does not start with GITHUB_API_URL=%s', url => {
    const problems = problemsOf({ ...github, GITHUB_API_URL: url })
    expect(problems).toEqual([expect.stringMatching(/^GITHUB_API_URL: must be a URL that starts with https/)])
  })

  it('takes further parameters of the authorization request', () => {
    const BRIDGE_PARAMETERS = 'prompt=select_account, acr_values=mfa strong,domain_hint=example.com'
    const parameters = { prompt: 'select_account', acr_values: 'mfa strong', domain_hint: 'example.com' }
    expect(loadConfiguration({ ...complete, BRIDGE_PARAMETERS }).bridge?.parameters).toEqual(parameters)
    const BRIDGE_CONFIG = file({
      allow: ['everyone'],
      grants: [{ scopes: ['notes:read'], to: ['everyone'] }],
      parameters,
    })
    const byFile = { ...complete, BRIDGE_ALLOW: '', BRIDGE_GRANT_SCOPES: '', BRIDGE_CONFIG }
    expect(loadConfiguration(byFile).bridge?.parameters).toEqual(parameters)
    expect(problemsOf({ ...byFile, BRIDGE_PARAMETERS })).toEqual([
      'BRIDGE_PARAMETERS: and BRIDGE_CONFIG are both set; keep one',
    ])
  })

  it.each([
    ['scope=groups', 'names scope, which the bridge sets: use BRIDGE_SCOPES (scopes in the file of BRIDGE_CONFIG)'],
    ['state=1', 'names state, which the bridge sets: remove it'],
    ['request_uri=https://x', 'names request_uri, which the bridge sets: remove it'],
    ['prompt=none', 'has prompt=none, with which nobody could ever sign in: remove it'],
    ['max_age=soon', 'has max_age, which must be a number of seconds'],
    ['prompt', 'must be name=value, each name once, separated by commas, such as prompt=login,domain_hint=example.com'],
    [
      'a=1,a=2',
      'must be name=value, each name once, separated by commas, such as prompt=login,domain_hint=example.com',
    ],
  ])('does not start with BRIDGE_PARAMETERS=%s', (BRIDGE_PARAMETERS, problem) => {
    expect(problemsOf({ ...complete, BRIDGE_PARAMETERS })).toEqual([`BRIDGE_PARAMETERS: ${problem}`])
  })

  it('accepts the tokens of our own authorization server, and signs people in at the provider', () => {
    const { providers, bridge } = loadConfiguration(complete)
    expect(providers.map(({ adapter }) => adapter.name)).toEqual(['demo'])
    expect(bridge).toMatchObject({
      provider: 'google',
      metadataUrl: 'https://accounts.google.com/.well-known/openid-configuration',
      clientId: 'the-bridge',
      clientSecret: 'the-secret',
      allow: ['@example.com'],
      grants: [{ scopes: ['notes:read'], to: ['everyone'] }],
    })
  })

  it.each([
    ['auth0', { AUTH0_DOMAIN: 'acme.eu.auth0.com' }, 'https://acme.eu.auth0.com/.well-known/openid-configuration'],
    ['okta', { OKTA_DOMAIN: 'acme.okta.com' }, 'https://acme.okta.com/oauth2/default/.well-known/openid-configuration'],
    ['github', {}, 'https://github.com/.well-known/oauth-authorization-server/login/oauth'],
  ])('takes the address of %s from its file', (name, settings, metadataUrl) => {
    const allow = { BRIDGE_ALLOW: 'everyone' }
    const { bridge } = loadConfiguration({ ...complete, ...allow, AUTH_PROVIDER: name, ...settings })
    expect(bridge).toMatchObject({ provider: name, metadataUrl })
  })

  it.each([
    ['keycloak', { KEYCLOAK_URL: 'https://id.example.com', KEYCLOAK_REALM: 'acme' }, undefined],
    [
      'keycloak',
      {
        KEYCLOAK_URL: 'http://keycloak:8080',
        KEYCLOAK_REALM: 'acme',
        KEYCLOAK_ISSUER: 'https://id.example.com/realms/acme',
        AUTH_INSECURE_HOSTS: 'keycloak',
      },
      'https://id.example.com/realms/acme',
    ],
    ['oidc', { OIDC_ISSUER: 'https://id.example.com/realms/acme' }, 'https://id.example.com/realms/acme'],
  ])('signs people in at %s by the rules of any OpenID provider', (name, settings, issuer) => {
    const allow = { BRIDGE_ALLOW: 'group:staff' }
    const { bridge } = loadConfiguration({ ...complete, ...allow, AUTH_PROVIDER: name, ...settings })
    expect(bridge).toMatchObject({ provider: 'oidc', metadataUrl: expect.stringContaining('/realms/acme') })
    expect(bridge?.issuer).toBe(issuer)
  })

  it('asks a provider over http only where its host is named', () => {
    const settings = { KEYCLOAK_URL: 'http://keycloak:8080', KEYCLOAK_REALM: 'acme', BRIDGE_ALLOW: 'everyone' }
    expect(() => loadConfiguration({ ...complete, ...settings, AUTH_PROVIDER: 'keycloak' })).toThrow(
      'name it in AUTH_INSECURE_HOSTS',
    )
  })

  it('knows the provider by AUTH_METADATA_URL', () => {
    const AUTH_METADATA_URL = 'https://acme.eu.auth0.com'
    const { bridge } = loadConfiguration({ ...complete, AUTH_PROVIDER: '', AUTH_METADATA_URL })
    expect(bridge).toMatchObject({ provider: 'auth0', metadataUrl: AUTH_METADATA_URL })
  })

  it('reads several rules of the bridge from a file', () => {
    const BRIDGE_CONFIG = file({
      allow: ['@example.com'],
      grants: [
        { scopes: ['notes:read'], to: ['everyone'] },
        { scopes: ['notes:admin'], to: ['ada@example.com'] },
      ],
    })
    const { bridge } = loadConfiguration({
      ...complete,
      BRIDGE_ALLOW: '',
      BRIDGE_GRANT_SCOPES: '',
      BRIDGE_CONFIG,
    })
    expect(bridge?.grants).toHaveLength(2)
  })

  it('reads the keys of the bridge, the one in use first', () => {
    const { encryptionKeys } = loadConfiguration({ ...complete, BRIDGE_KEYS: `${KEY}, ${KEY}` })
    expect(encryptionKeys.map(key => key.length)).toEqual([32, 32])
  })
})

describe('docs/bridge.md', () => {
  const page = readFileSync(new URL('../../docs/bridge.md', import.meta.url), 'utf8')
  const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, command = '']) => command)
  const withSecret = (command: string) => command.replace(/BRIDGE_CLIENT_SECRET_FILE=\S+/, 'BRIDGE_CLIENT_SECRET=x')

  it.each(commands)('shows settings that work: %s', command => {
    const settings = [...withSecret(command).matchAll(/(\w+)=("[^"]*"|\S+)/g)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll('"', ''),
    ])
    expect(loadConfiguration(Object.fromEntries(settings)).bridge).toBeDefined()
  })

  it('shows a file that works', () => {
    const BRIDGE_CONFIG = file(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '')
    const rest = { BRIDGE_ALLOW: '', BRIDGE_GRANT_SCOPES: '', AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' }
    expect(loadConfiguration({ ...complete, ...rest, BRIDGE_CONFIG }).bridge?.grants).toHaveLength(3)
  })
})

describe('a bridge that cannot work', () => {
  it('reports everything that a bridge lacks at once', () => {
    const problems = problemsOf({ AUTH_BRIDGE: 'on', AUTH_PROVIDER: 'auth0' })
    const settings = problems.map(problem => problem.split(':')[0])
    expect(settings.sort()).toEqual([
      'AUTH0_DOMAIN',
      'BRIDGE_ALLOW',
      'BRIDGE_CLIENT_ID',
      'BRIDGE_CLIENT_SECRET',
      'BRIDGE_GRANT_SCOPES',
    ])
  })

  const guid = '6731de76-14a6-49ae-97bc-6eba6914391e'
  const github = { ...complete, AUTH_PROVIDER: 'github', BRIDGE_ALLOW: 'everyone' }
  const azure = { ...complete, AUTH_PROVIDER: 'azure', AZURE_TENANT_ID: guid, BRIDGE_ALLOW: `tenant:${guid}` }
  it.each<[Record<string, string>, string]>([
    [{ ...complete, BRIDGE_CLIENT_ID: 'GOCSPX-x' }, 'BRIDGE_CLIENT_ID: is a client secret'],
    [{ ...complete, BRIDGE_CLIENT_SECRET: '1-x.apps.googleusercontent.com' }, 'BRIDGE_CLIENT_SECRET: is a client id'],
    [{ ...azure, BRIDGE_CLIENT_SECRET: guid }, 'BRIDGE_CLIENT_SECRET: is a GUID'],
    [{ ...github, BRIDGE_CLIENT_ID: '123456' }, 'BRIDGE_CLIENT_ID: is the App ID'],
    [{ ...github, BRIDGE_CLIENT_SECRET: 'ghp_abc' }, 'BRIDGE_CLIENT_SECRET: is a token'],
    [{ ...complete, BRIDGE_CLIENT_SECRET: 'ab\ncd' }, 'BRIDGE_CLIENT_SECRET: holds a line break'],
  ])('tells what stands in place of an id or a secret: %j', (env, expected) => {
    const problems = problemsOf(env)
    expect(problems).toEqual([expect.stringContaining(expected)])
    expect(problems.join()).not.toMatch(/GOCSPX-x|1-x|ghp_abc|ab\scd/)
  })

  it('tells of a line break in the file of a secret, where one at the end is none', () => {
    const withFile = (text: string) =>
      problemsOf({ ...complete, BRIDGE_CLIENT_SECRET: '', BRIDGE_CLIENT_SECRET_FILE: file(text) })
    expect(withFile('ab\ncd\n')).toEqual([expect.stringContaining('BRIDGE_CLIENT_SECRET: holds a line break')])
    expect(withFile('abcd\n')).toEqual([])
  })

  it('takes ids and secrets that could be right', () => {
    const own = { BRIDGE_CLIENT_SECRET: 'abc8Q~x', BRIDGE_CLIENT_ID: guid }
    expect(problemsOf({ ...azure, ...own })).toEqual([])
    expect(problemsOf({ ...github, BRIDGE_CLIENT_ID: 'Ov23lix', BRIDGE_CLIENT_SECRET: 'a'.repeat(40) })).toEqual([])
    const google = { BRIDGE_CLIENT_ID: '1-x.apps.googleusercontent.com', BRIDGE_CLIENT_SECRET: 'GOCSPX-x' }
    expect(problemsOf({ ...complete, ...google })).toEqual([])
  })

  it('names the redirect URI to register for the bridge', () => {
    const problems = problemsOf({ ...complete, BRIDGE_CLIENT_ID: '', AUTH_SERVER_PORT: '4001' })
    expect(problems.join()).toContain('http://localhost:4001/oauth/callback')
  })

  it.each([
    [{ AUTH_PROVIDER: 'google,okta' }, 'AUTH_PROVIDER: must name one of'],
    [{ AUTH_PROVIDER: 'demo' }, 'AUTH_PROVIDER: must name one of'],
    [{ AUTH_PROVIDER: '' }, 'AUTH_PROVIDER: must name one of'],
    [{ AUTH_PROVIDER: '', AUTH_CONFIG: 'own.json' }, 'AUTH_CONFIG: is for tokens of the provider itself'],
    [{ AUTH_METADATA_URL: 'http://accounts.example' }, 'AUTH_METADATA_URL: must be a URL that starts with https://'],
    [{ BRIDGE_ALLOW: 'tenant:1' }, 'BRIDGE_ALLOW: must be everyone, or user:NUMBER'],
    [{ BRIDGE_ALLOW: '@Example.com' }, 'BRIDGE_ALLOW: must be everyone, or'],
    [{ BRIDGE_ALLOW: '@*' }, 'BRIDGE_ALLOW: must be everyone, or'],
    [{ BRIDGE_GRANT_TO: 'admins' }, 'BRIDGE_GRANT_TO: must be everyone, or'],
    [{ AUTH_PROVIDER: 'github', BRIDGE_ALLOW: 'org:acme' }, 'names on GitHub can be taken by others'],
    [{ AUTH_PROVIDER: 'azure', AZURE_TENANT_ID: 't' }, 'Microsoft does not verify e-mail addresses'],
    [{ BRIDGE_KEYS: 'short' }, 'BRIDGE_KEYS: must be keys of 32 bytes in base64'],
    [{ BRIDGE_CONFIG: '/none.json' }, 'BRIDGE_CONFIG: names a file that cannot be read (ENOENT)'],
    [{ BRIDGE_RECHECK_SECONDS: '1' }, 'BRIDGE_RECHECK_SECONDS: must be at least 60'],
  ])('with %j', (settings, sentence) => {
    expect(problemsOf({ ...complete, ...settings }).join('\n')).toContain(sentence)
  })

  it('reports what is wrong in the file of the bridge', () => {
    const rest = { BRIDGE_ALLOW: '', BRIDGE_GRANT_SCOPES: '' }
    const misspelt = file({ alow: ['everyone'], grants: [{ scopes: ['notes:read'], to: ['everyone'] }] })
    const broken = file('{')
    expect(problemsOf({ ...complete, ...rest, BRIDGE_CONFIG: misspelt }).join()).toContain(
      'has no option alow (did you mean allow?)',
    )
    expect(problemsOf({ ...complete, ...rest, BRIDGE_CONFIG: broken }).join()).toContain('not JSON')
    const both = problemsOf({ ...complete, BRIDGE_CONFIG: broken })
    expect(both.join()).toContain('BRIDGE_ALLOW: and BRIDGE_CONFIG are both set')
  })

  it('reports a rule that would keep nobody out', () => {
    const BRIDGE_CONFIG = file({ allow: ['everyone'], grants: [{ scopes: ['notes:read'], to: ['everyone'] }] })
    const restricted = { ...complete, BRIDGE_ALLOW: '', BRIDGE_GRANT_SCOPES: '', BRIDGE_GRANT_TO: '@example.com' }
    expect(problemsOf({ ...restricted, BRIDGE_CONFIG })).toEqual([
      'BRIDGE_GRANT_TO: and BRIDGE_CONFIG are both set; keep one',
    ])
    const withoutScopes = { resources: { mcp: { scopes: {} } } }
    const env = { ...restricted, BRIDGE_ALLOW: 'everyone' }
    expect(() => loadConfiguration(env, withoutScopes)).toThrow(
      /BRIDGE_GRANT_TO: is set, but BRIDGE_GRANT_SCOPES is not/,
    )
    expect(loadConfiguration({ ...env, BRIDGE_GRANT_TO: ' ' }, withoutScopes).bridge?.grants).toEqual([])
  })

  it('never shows a secret', () => {
    const problems = problemsOf({ ...complete, BRIDGE_KEYS: 'not-a-key-but-secret', AUTH_PROVIDER: '' })
    expect(problems.join()).not.toMatch(/the-secret|not-a-key/)
  })
})
