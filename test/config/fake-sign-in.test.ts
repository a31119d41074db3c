import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type LoadOptions, loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'

type Env = Record<string, string>

const allowed = { DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on' }
const secret = { DEMO_RS_CLIENT_SECRET: 'a-secret-long-enough' }

/** Lines that stop the start. */
function problems(env: Env, options?: LoadOptions): string[] {
  try {
    loadConfiguration(env, options)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ setting, problem }) => `${setting} ${problem}`)
    throw error
  }
}

/** Everything that lets others reach the demo sign-in. */
const exposed: [Env, string][] = [
  [{ HOST: '0.0.0.0' }, 'HOST is 0.0.0.0'],
  [{ HOST: '::' }, 'HOST is ::'],
  [{ HOST: '192.168.1.7' }, 'HOST is 192.168.1.7'],
  [{ HOST: 'ada-laptop.local' }, 'HOST is ada-laptop.local'],
  [{ AUTH_SERVER_HOST: '0.0.0.0' }, '(AUTH_SERVER_HOST is 0.0.0.0)'],
  [{ AUTH_MODE: 'separate', AUTH_SERVER_HOST: '::', ...secret }, '(AUTH_SERVER_HOST is ::)'],
  [{ PUBLIC_URL: 'https://mcp.example.com' }, "the server's URL is https://mcp.example.com/mcp"],
  [{ PUBLIC_URL: 'https://localhost.example.com' }, "the server's URL is https://localhost.example.com/mcp"],
  [
    { PUBLIC_URL: 'https://mcp.example.com', AUTH_MODE: 'embedded' },
    "(the server's URL is https://mcp.example.com/mcp)",
  ],
  [{ AUTH_SERVER_URL: 'https://auth.example.com' }, 'AUTH_SERVER_URL is https://auth.example.com'],
  [{ ALLOWED_HOSTS: 'localhost:3232, a1b2.tunnel.example' }, 'ALLOWED_HOSTS has a1b2.tunnel.example)'],
  [
    { AUTH_PROVIDER: 'demo,okta', OKTA_DOMAIN: 'acme.okta.com', HOST: '0.0.0.0' },
    'AUTH_PROVIDER includes demo, a sign-in that lets',
  ],
  [{ AUTH_MODE: 'separate', HOST: '0.0.0.0', ...secret }, 'HOST is 0.0.0.0'],
]

describe('the demo sign-in', () => {
  it.each(exposed)('refuses to start the demo sign-in where others can reach it: %j', (env, part) => {
    const found = problems(env)
    expect(found).toEqual([expect.stringContaining(part)])
    expect(found.join()).toContain('set DANGEROUSLY_ALLOW_FAKE_SIGN_IN=on')
  })

  it.each(exposed)(
    'starts the demo sign-in where others can reach it with a warning, when that is allowed: %j',
    env => {
      const { warnings } = loadConfiguration({ ...env, ...allowed })
      expect(warnings).toEqual([
        {
          setting: 'DANGEROUSLY_ALLOW_FAKE_SIGN_IN',
          problem: expect.stringMatching(/^is on: anybody can sign in as anybody \(.+\)$/),
          see: 'docs/production.md',
        },
      ])
    },
  )

  it.each<[Env]>([
    [{}],
    [{ HOST: '127.0.0.1' }],
    [{ HOST: '127.0.0.2' }],
    [{ HOST: '::1' }],
    [{ HOST: 'localhost' }],
    [{ PUBLIC_URL: 'http://127.0.0.1:3232' }],
    [{ PUBLIC_URL: 'https://mcp.localhost' }],
    [{ ALLOWED_HOSTS: 'mcp.localhost:3232 127.0.0.1' }],
    [allowed],
  ])('starts on this machine without a word: %j', env => {
    expect(loadConfiguration(env).warnings).toEqual([])
  })

  it('names the setting that led to the demo sign-in', () => {
    const AUTH_CONFIG = fileURLToPath(new URL('../../config/demo.json', import.meta.url))
    expect(problems({ AUTH_CONFIG, HOST: '0.0.0.0' })).toEqual([expect.stringContaining('AUTH_CONFIG includes demo')])
    expect(problems({ HOST: '0.0.0.0' })).toEqual([expect.stringContaining('AUTH_PROVIDER is not set, which')])
  })

  it('refuses the demo sign-in in production even on this machine', () => {
    const found = problems({ NODE_ENV: 'production', ...secret })
    expect(found.join('\n')).toContain('others could reach it (NODE_ENV is production)')
  })

  it.each<[string, Env]>([
    ['a real provider', { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com' }],
    ['the demo in the shadow', { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com', AUTH_SHADOW: 'demo' }],
    [
      'a bridge',
      {
        AUTH_PROVIDER: 'google',
        AUTH_BRIDGE: 'on',
        BRIDGE_CLIENT_ID: 'the-bridge',
        BRIDGE_CLIENT_SECRET: 'the-secret',
        BRIDGE_ALLOW: '@example.com',
        BRIDGE_GRANT_SCOPES: 'notes:read',
      },
    ],
  ])('is no reason against %s in public', (_what, env) => {
    const open = { HOST: '0.0.0.0', PUBLIC_URL: 'https://mcp.example.com' }
    expect(problems({ ...env, ...open })).toEqual([])
  })
})

describe('the authorization server by itself', () => {
  const alone = { isAuthorizationServer: true }
  // The same settings as the MCP server has.
  const direct = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com', AUTH_MODE: 'separate', ...secret }

  it('treats the authorization server by itself as a demo sign-in, whatever the provider of the MCP server', () => {
    expect(problems({ ...direct, HOST: '0.0.0.0' })).toEqual([])
    expect(problems({ ...direct, HOST: '0.0.0.0' }, alone)).toEqual([
      expect.stringContaining('others could reach it (HOST is 0.0.0.0)'),
    ])
    expect(problems({ ...direct, NODE_ENV: 'production' }, alone).join()).toContain('NODE_ENV is production')
    expect(problems(direct, alone)).toEqual([])
  })
})
