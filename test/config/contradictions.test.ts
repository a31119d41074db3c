import { describe, expect, it } from 'vitest'
import { loadConfiguration } from '../../config/load.ts'
import { temporaryFile } from '../support/temporary-files.ts'

type Env = Record<string, string>

const OKTA = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' }

function stops(env: Env): string {
  try {
    loadConfiguration(env)
  } catch (error) {
    return String(error)
  }
  return expect.fail('the configuration was accepted')
}

describe('the header of a gateway', () => {
  const AUTH_TOKEN_HEADER = 'Cf-Access-Jwt-Assertion'

  it('stops the start beside DPOP=required, which it would get round', () => {
    expect(stops({ ...OKTA, AUTH_TOKEN_HEADER, DPOP: 'required' })).toContain('AUTH_TOKEN_HEADER: is set with DPOP=')
    expect(loadConfiguration({ ...OKTA, AUTH_TOKEN_HEADER }).warnings).toEqual([])
  })

  it('stops the start where tokens of our own authorization server come in Authorization', () => {
    expect(stops({ AUTH_TOKEN_HEADER })).toContain('AUTH_TOKEN_HEADER: is set, but clients send the tokens')
    expect(stops({ ...OKTA, AUTH_PROVIDER: 'okta,demo', AUTH_TOKEN_HEADER })).toContain('AUTH_TOKEN_HEADER: is set')
  })
})

it('API keys beside DPOP=required are a warning, because all are refused', () => {
  const AUTH_API_KEYS_FILE = temporaryFile('api-keys.json', { keys: [] })
  const { warnings } = loadConfiguration({ ...OKTA, AUTH_API_KEYS_FILE, DPOP: 'required' })
  expect(warnings).toEqual([expect.objectContaining({ setting: 'AUTH_API_KEYS_FILE' })])
})

describe('what clients request where scopes are granted by rule', () => {
  it('stops the start where no rule grants any', () => {
    expect(stops({ ...OKTA, OKTA_WIRE_SCOPES: 'openid' })).toContain('OKTA_WIRE_SCOPES: is what clients request')
    loadConfiguration({ ...OKTA, OKTA_WIRE_SCOPES: 'openid', OKTA_GRANT_SCOPES: 'notes:read' })
    loadConfiguration({ ...OKTA, OKTA_WIRE_SCOPES: 'openid' }, { resources: { mcp: { scopes: {} } } })
  })
})

describe('a list that is set and names nothing', () => {
  const google = {
    AUTH_PROVIDER: 'google',
    GOOGLE_CLIENT_IDS: '1-a.apps.googleusercontent.com',
    GOOGLE_GRANT_SCOPES: 'notes:read',
    GOOGLE_GRANT_TO: 'everyone',
  }

  it.each<[string, Env]>([
    ['AUTH_PROVIDER', {}],
    ['AUTH_CONFIG', {}],
    ['PUBLIC_URL', {}],
    ['CIMD_ALLOWED_HOSTS', {}],
    ['TRUSTED_PROXIES', OKTA],
    ['OKTA_ALLOW', OKTA],
    ['OKTA_CLIENT_IDS', OKTA],
    ['GOOGLE_HOSTED_DOMAINS', google],
    ['GOOGLE_REQUIRED_SCOPES', google],
  ])('stops the start: %s', (setting, env) => {
    expect(stops({ ...env, [setting]: ' , ,' })).toContain(`${setting}: must name one at least`)
  })
})

it.each<Env>([{ AUTH_PROVIDER: 'keycloak', KEYCLOAK_URL: 'https://id.example.com/', KEYCLOAK_REALM: 'acme' }])(
  'a metadata URL with an empty step in its path stops the start: %j',
  env => {
    expect(stops(env)).toContain('KEYCLOAK_URL: leads to a URL with // in its path')
  },
)

it('one that comes from a part of the path is that part’s', () => {
  const env = { AUTH_PROVIDER: 'keycloak', KEYCLOAK_URL: 'https://id.example.com', KEYCLOAK_REALM: '/acme' }
  expect(stops(env)).toContain(
    'KEYCLOAK_REALM: must be a host name alone, like auth.example.com, or one part of a path',
  )
})

describe('lifetimes', () => {
  it.each([
    [{ SIGN_IN_IDLE_SECONDS: '3600' }, 'SIGN_IN_IDLE_SECONDS: must be more than 3600, the life of an access token'],
    [{ SIGN_IN_MAX_SECONDS: '3600' }, 'SIGN_IN_MAX_SECONDS: must be more than 3600, the life of an access token'],
  ])('stop the start where no client would ever refresh: %j', (settings, problem) => {
    expect(stops(settings)).toContain(problem)
    expect(() => loadConfiguration({ ...OKTA, ...settings })).not.toThrow()
  })

  it('are measured by the access tokens of the bridge where there is one', () => {
    const bridge = {
      ...OKTA,
      AUTH_BRIDGE: 'on',
      BRIDGE_CLIENT_ID: 'b',
      BRIDGE_CLIENT_SECRET: 's',
      BRIDGE_ALLOW: 'everyone',
      BRIDGE_GRANT_SCOPES: 'notes:read',
      BRIDGE_RECHECK_SECONDS: '7200',
    }
    expect(stops({ ...bridge, SIGN_IN_MAX_SECONDS: '7200' })).toContain('must be more than 7200')
    expect(() => loadConfiguration({ ...bridge, SIGN_IN_MAX_SECONDS: '7201' })).not.toThrow()
  })
})

describe('a setting without effect is a warning', () => {
  const warnings = (env: Env) => loadConfiguration(env).warnings.map(({ setting, problem }) => `${setting} ${problem}`)
  const RULES = { OKTA_GRANT_SCOPES: 'notes:read', OKTA_GRANT_TO: 'everyone' }
  const BRIDGE = {
    ...OKTA,
    AUTH_BRIDGE: 'on',
    BRIDGE_CLIENT_ID: 'b',
    BRIDGE_CLIENT_SECRET: 's',
    BRIDGE_ALLOW: 'everyone',
    BRIDGE_GRANT_SCOPES: 'notes:read',
  }

  it('AUTH_SIGN_IN_SCOPES where rules grant the scopes', () => {
    const AUTH_SIGN_IN_SCOPES = 'all'
    const said = expect.stringContaining('AUTH_SIGN_IN_SCOPES has no effect')
    expect(warnings({ ...OKTA, ...RULES, AUTH_SIGN_IN_SCOPES })).toEqual([said])
    expect(warnings({ ...OKTA, AUTH_SIGN_IN_SCOPES })).toEqual([])
    expect(warnings({ ...BRIDGE, AUTH_SIGN_IN_SCOPES })).toEqual([])
  })

  it.each([
    ['OKTA_GROUPS_CLAIM', 'group:staff'],
    ['OKTA_ROLES_CLAIM', 'role:staff'],
  ])('%s where no rule goes by it', (setting, principal) => {
    const said = expect.stringContaining(`${setting} has no effect`)
    expect(warnings({ ...OKTA, ...RULES, [setting]: 'of' })).toEqual([said])
    expect(warnings({ ...OKTA, [setting]: 'of' })).toEqual([said])
    expect(warnings({ ...OKTA, ...RULES, [setting]: 'of', OKTA_ALLOW: principal })).toEqual([])
    expect(warnings({ ...OKTA, ...RULES, [setting]: 'of', OKTA_GRANT_TO: principal })).toEqual([])
  })

  it('what is for tokens of the provider, behind the bridge', () => {
    const said = 'OKTA_CLIENT_IDS, OKTA_AUDIENCE has no effect: with AUTH_BRIDGE=on'
    expect(warnings({ ...BRIDGE, OKTA_CLIENT_IDS: 'a', OKTA_AUDIENCE: 'b' })).toEqual([expect.stringContaining(said)])
    expect(warnings({ ...BRIDGE, OKTA_AUTHORIZATION_SERVER_ID: 'aus1' })).toEqual([])
    expect(warnings({ ...OKTA, OKTA_CLIENT_IDS: 'a' })).toEqual([])
  })
})
