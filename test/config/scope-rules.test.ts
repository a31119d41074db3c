import { describe, expect, it } from 'vitest'
import { type ConfiguredResource, type LoadOptions, loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'
import { temporaryFile } from '../support/temporary-files.ts'

type Env = Record<string, string>

const scopes = { 'files:read': 'Read your files', 'files:write': 'Change your files' }
const files: ConfiguredResource = { scopes }

/** Everything that stops the start, each as a line. */
function problems(env: Env, options: LoadOptions = { resources: { files } }): string[] {
  try {
    loadConfiguration(env, options)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const { see } of error.problems) expect(see).toMatch(/^docs\/.+\.md$/)
    return error.problems.map(({ setting, problem }) => `${setting}: ${problem}`)
  }
}

const file = (content: unknown) => temporaryFile('rules.json', content)

const bridge = {
  AUTH_BRIDGE: 'on',
  AUTH_PROVIDER: 'google',
  BRIDGE_CLIENT_ID: 'the-bridge',
  BRIDGE_CLIENT_SECRET: 'the-secret',
}
const google = {
  AUTH_PROVIDER: 'google',
  GOOGLE_CLIENT_IDS: '1-a.apps.googleusercontent.com',
  GOOGLE_GRANT_TO: 'everyone',
}
const github = {
  AUTH_PROVIDER: 'github',
  GITHUB_CLIENT_ID: 'Ov23liApp',
  GITHUB_CLIENT_SECRET: 's',
  GITHUB_GRANT_TO: 'everyone',
}
const machine = { client_id: 'nightly', grants: ['client_credentials'], clientSecretEnv: 'NIGHTLY_SECRET' }
const rulesFile = (...scopes: string[]) =>
  file({ allow: ['@example.com'], grants: scopes.map(scope => ({ scopes: [scope], to: ['everyone'] })) })

/** Every place that names scopes of the server: how to set it, and what its problems are called. */
const places: [place: string, env: (scope: string) => Env, setting: (env: Env) => string][] = [
  ['AUTH_SIGN_IN_SCOPES', scope => ({ AUTH_SIGN_IN_SCOPES: scope }), () => 'AUTH_SIGN_IN_SCOPES'],
  [
    'BRIDGE_GRANT_SCOPES',
    scope => ({ ...bridge, BRIDGE_ALLOW: '@example.com', BRIDGE_GRANT_SCOPES: scope }),
    () => 'BRIDGE_GRANT_SCOPES',
  ],
  [
    'the file of BRIDGE_CONFIG',
    scope => ({ ...bridge, BRIDGE_CONFIG: rulesFile(scope) }),
    ({ BRIDGE_CONFIG }) => `${BRIDGE_CONFIG}: grants`,
  ],
  [
    'the file of AUTH_CLIENTS_FILE',
    scope => ({
      NIGHTLY_SECRET: 'a-secret-long-enough',
      AUTH_CLIENTS_FILE: file({ clients: [{ ...machine, scopes: [scope] }] }),
    }),
    () => 'AUTH_CLIENTS_FILE: nightly',
  ],
  ['GOOGLE_GRANT_SCOPES', scope => ({ ...google, GOOGLE_GRANT_SCOPES: scope }), () => 'GOOGLE_GRANT_SCOPES'],
  ['GITHUB_GRANT_SCOPES', scope => ({ ...github, GITHUB_GRANT_SCOPES: scope }), () => 'GITHUB_GRANT_SCOPES'],
  [
    'a provider in the shadow',
    scope => ({ ...google, AUTH_PROVIDER: 'demo', AUTH_SHADOW: 'google', GOOGLE_GRANT_SCOPES: scope }),
    () => 'GOOGLE_GRANT_SCOPES',
  ],
  [
    'a file of AUTH_CONFIG',
    scope => ({
      AUTH_CONFIG: file({
        adapter: 'google',
        metadataUrl: 'https://accounts.google.com/.well-known/openid-configuration',
        clientIds: ['1-a.apps.googleusercontent.com'],
        wireScopes: ['openid'],
        grants: [
          { scopes: ['files:read'], to: ['everyone'] },
          { scopes: [scope], to: ['everyone'] },
        ],
      }),
    }),
    ({ AUTH_CONFIG }) => `${AUTH_CONFIG}: grants.1.scopes`,
  ],
]

describe.each(places)('a scope in %s', (_place, settings, settingOf) => {
  it('accepts a scope that the server declares', () => {
    expect(problems(settings('files:write'))).toEqual([])
  })

  it('refuses a scope that no server declares, before people consent to it in vain', () => {
    const env = settings('files:wirte')
    const problem = 'names files:wirte, which the server does not declare (did you mean files:write?)'
    expect(problems(env)).toEqual([`${settingOf(env)}: ${problem}`])
  })

  it('lists the declared scopes for a scope that is like none of them', () => {
    const env = settings('mail')
    const problem = 'names mail, which the server does not declare; there are files:read, files:write'
    expect(problems(env)).toEqual([`${settingOf(env)}: ${problem}`])
  })

  it('accepts a scope of another server of the process', () => {
    const resources = {
      files: { ...files, resource: '/files' },
      mail: { scopes: { mail: 'Read your mail' }, resource: '/mail' },
    }
    expect(problems(settings('mail'), { resources })).toEqual([])
    expect(problems(settings('mial'), { resources })).toEqual([expect.stringContaining('names mial, which')])
  })

  it('accepts any scope where no declaration says which there are', () => {
    expect(problems(settings('mail'), {})).toEqual([])
    expect(problems(settings('mail'), { resources: { files, other: { resource: '/other' } } })).toEqual([])
  })
})

describe('rules of scopes', () => {
  it('reports the problems of all scope rules at once', () => {
    const env = {
      ...bridge,
      BRIDGE_ALLOW: '@example.com',
      BRIDGE_GRANT_SCOPES: 'files:raed',
      AUTH_SIGN_IN_SCOPES: 'files:wirte,files:read',
      NIGHTLY_SECRET: 'a-secret-long-enough',
      AUTH_CLIENTS_FILE: file({ clients: [{ ...machine, scopes: ['files:read', 'files'] }] }),
    }
    expect(problems(env).map(line => line.split(', which')[0])).toEqual([
      'AUTH_SIGN_IN_SCOPES: names files:wirte',
      'BRIDGE_GRANT_SCOPES: names files:raed',
      'AUTH_CLIENTS_FILE: nightly: names files',
    ])
  })

  it('refuses AUTH_SIGN_IN_SCOPES that name a scope where the server has none', () => {
    expect(problems({ AUTH_SIGN_IN_SCOPES: 'files:read' }, { resources: { files: { scopes: {} } } })).toEqual([
      'AUTH_SIGN_IN_SCOPES: names files:read, which the server does not declare',
    ])
  })

  it('reads `all` as every scope, and an empty list as none', () => {
    expect(problems({ AUTH_SIGN_IN_SCOPES: 'all' })).toEqual([])
    expect(problems({ AUTH_SIGN_IN_SCOPES: '' })).toEqual([])
  })

  it('does not check the scopes of the provider itself', () => {
    const AUTH_EXTRA_SCOPES = 'openid,https://graph.microsoft.com/User.Read'
    expect(problems({ AUTH_EXTRA_SCOPES })).toEqual([])
    expect(
      problems({ ...bridge, BRIDGE_ALLOW: '@example.com', BRIDGE_GRANT_SCOPES: 'files:read', BRIDGE_SCOPES: 'groups' }),
    ).toEqual([])
  })
})
