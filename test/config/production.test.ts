import { describe, expect, it } from 'vitest'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'

function problems(env: Record<string, string | undefined>): string[] {
  try {
    loadConfiguration({ NODE_ENV: 'production', ...env })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ setting }) => setting).toSorted()
    throw error
  }
}

const key = Buffer.alloc(32, 1).toString('base64')

const direct = {
  AUTH_PROVIDER: 'auth0',
  AUTH0_DOMAIN: 'tenant.eu.auth0.com',
  PUBLIC_URL: 'https://mcp.example.com',
}
const bridge = {
  AUTH_PROVIDER: 'google',
  AUTH_BRIDGE: 'on',
  AUTH_SERVER_URL: 'https://sign-in.example.com',
  PUBLIC_URL: 'https://mcp.example.com',
  BRIDGE_CLIENT_ID: 'client.apps.googleusercontent.com',
  BRIDGE_CLIENT_SECRET: 'secret-of-the-bridge',
  BRIDGE_ALLOW: '@example.com',
  BRIDGE_GRANT_SCOPES: 'notes:read',
  BRIDGE_KEYS: key,
  DEMO_RS_CLIENT_SECRET: 'a-secret-of-its-own-for-this',
  REDIS_URL: 'rediss://redis.example.com',
}
const demo = {
  AUTH_SERVER_URL: 'https://sign-in.example.com',
  PUBLIC_URL: 'https://mcp.example.com',
  DEMO_RS_CLIENT_SECRET: 'a-secret-of-its-own-for-this',
  DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on',
}

describe('with NODE_ENV=production the start', () => {
  it.each([
    ['a provider whose tokens are validated', direct],
    ['a bridge', bridge],
    ['the demo sign-in, where that is said aloud', demo],
  ])('is let through with %s', (_name, env) => {
    expect(problems(env)).toEqual([])
  })

  it('refuses everything unsafe in production, all at once', () => {
    expect(problems({})).toEqual(['AUTH_PROVIDER', 'AUTH_SERVER_URL', 'PUBLIC_URL'])
    const separate = { AUTH_MODE: 'separate' }
    expect(problems(separate)).toEqual(['AUTH_PROVIDER', 'AUTH_SERVER_URL', 'DEMO_RS_CLIENT_SECRET', 'PUBLIC_URL'])
  })

  it.each([
    ['a bridge that remembers in memory', bridge, 'REDIS_URL'],
    ['a bridge with encryption keys of the moment', bridge, 'BRIDGE_KEYS'],
    [
      'a bridge of its own process with a default secret',
      { ...bridge, AUTH_MODE: 'separate' },
      'DEMO_RS_CLIENT_SECRET',
    ],
    ['a bridge with an http issuer', bridge, 'AUTH_SERVER_URL'],
    ['the demo sign-in without a word', demo, 'DANGEROUSLY_ALLOW_FAKE_SIGN_IN', 'AUTH_PROVIDER'],
    ['http for clients', direct, 'PUBLIC_URL'],
  ])('is refused for %s', (_name, env, missing, named = missing) => {
    expect(problems({ ...env, [missing]: '' })).toEqual([named])
  })

  it('needs no secret between two servers of one process, which ask each other without a network', () => {
    for (const [AUTH_MODE, AUTH_SERVER_URL] of [
      ['beside', bridge.AUTH_SERVER_URL],
      ['embedded', bridge.PUBLIC_URL],
    ]) {
      expect(problems({ ...bridge, AUTH_MODE, AUTH_SERVER_URL, DEMO_RS_CLIENT_SECRET: '' })).toEqual([])
    }
  })

  it('accepts outside of production what production refuses', () => {
    expect(loadConfiguration({ NODE_ENV: 'development' })).toBeDefined()
  })
})
