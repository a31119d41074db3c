import { describe, expect, it } from 'vitest'
import { google } from '../../adapters/google/index.ts'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'

const providers = {
  google: { AUTH_PROVIDER: 'google', GOOGLE_CLIENT_IDS: '1-clock.apps.googleusercontent.com' },
  github: { AUTH_PROVIDER: 'github', GITHUB_CLIENT_ID: 'Iv1.a', GITHUB_CLIENT_SECRET: 'a-secret' },
  userinfo: {
    AUTH_PROVIDER: 'userinfo',
    USERINFO_METADATA_URL: 'https://id.example.com',
    USERINFO_CLIENT_IDS: 'native',
  },
}
const resource = 'http://localhost:3000/mcp'
const clock = { resource, scopes: {} }
const files = { resource: 'http://localhost:3000/files', scopes: { 'files:read': 'Read' } }

function load(env: Record<string, string>, resources: Record<string, object> = { clock }) {
  return loadConfiguration(env, { isLibrary: true, resources })
}

function problems(...args: Parameters<typeof load>): Record<string, string> {
  try {
    load(...args)
    return {}
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return Object.fromEntries(error.problems.map(({ setting, problem }) => [setting, problem]))
  }
}

describe.each(['google', 'github', 'userinfo'] as const)('AUTH_PROVIDER=%s for a server without scopes', name => {
  const env = providers[name]
  const [scopes, to] = [`${name.toUpperCase()}_GRANT_SCOPES`, `${name.toUpperCase()}_GRANT_TO`]

  it('needs no grants', () => {
    expect(load(env).providers[0]?.options).toMatchObject({ adapter: name, grants: [] })
  })

  it('needs them as soon as one server has scopes, or it is not known', () => {
    const lists: Record<string, object>[] = [{ clock, files }, { files }, { files: { resource } }]
    for (const resources of lists) {
      expect(Object.keys(problems(env, resources)).sort()).toEqual([scopes, to])
    }
  })

  it('refuses a grant of scopes that there are none of, whole or in part', () => {
    expect(problems({ ...env, [scopes]: 'files:read', [to]: 'everyone' })).toEqual({
      [scopes]: expect.stringContaining('names files:read, which the server does not declare'),
    })
    expect(problems({ ...env, [to]: 'everyone' })).toEqual({ [to]: expect.stringContaining('remove the setting') })
    expect(problems({ ...env, [scopes]: 'x' })).toEqual({ [scopes]: expect.stringContaining('remove the setting') })
  })
})

describe('providers configured in code for a server without scopes', () => {
  it('need no grants either', () => {
    const options = { metadataUrl: 'https://accounts.google.com', clientIds: ['1-clock.apps.googleusercontent.com'] }
    const inCode = (resources: Record<string, object>) => () =>
      loadConfiguration({}, { isLibrary: true, resources, providers: [{ adapter: google, options }] })
    expect(inCode({ clock })().providers[0]?.options).toMatchObject({ grants: [] })
    expect(inCode({ files })).toThrow('grants')
  })
})
