import { describe, expect, it } from 'vitest'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/errors.ts'

async function problems(env: Record<string, string>): Promise<string[]> {
  try {
    await loadConfiguration({ NODE_ENV: 'production', ...env })
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
  ])('is let through with %s', async (_name, env) => {
    expect(await problems(env)).toEqual([])
  })

  it('is refused for everything that is unsafe, all at once', async () => {
    expect(await problems({})).toEqual(['AUTH_PROVIDER', 'AUTH_SERVER_URL', 'DEMO_RS_CLIENT_SECRET', 'PUBLIC_URL'])
  })

  it.each([
    ['a bridge that remembers in memory', bridge, 'REDIS_URL'],
    ['a bridge with encryption keys of the moment', bridge, 'BRIDGE_KEYS'],
    ['a bridge with a default secret', bridge, 'DEMO_RS_CLIENT_SECRET'],
    ['a bridge with an http issuer', bridge, 'AUTH_SERVER_URL'],
    ['the demo sign-in without a word', demo, 'DANGEROUSLY_ALLOW_FAKE_SIGN_IN', 'AUTH_PROVIDER'],
    ['http for clients', direct, 'PUBLIC_URL'],
  ])('is refused for %s', async (_name, env, missing, named = missing) => {
    expect(await problems({ ...env, [missing]: '' })).toEqual([named])
  })

  it('is not held to that elsewhere', async () => {
    await expect(loadConfiguration({ NODE_ENV: 'development' })).resolves.toBeDefined()
  })
})
