import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../../src/config-error.ts'

function problems(env: Record<string, string>): Record<string, string> {
  try {
    loadConfiguration(env)
  } catch (error) {
    if (error instanceof ConfigError) {
      return Object.fromEntries(error.problems.map(({ setting, problem }) => [setting, problem]))
    }
    throw error
  }
  return {}
}

describe('loadConfiguration', () => {
  it('loads without any setting', () => {
    const { resource, mode, demoIssuer, demoClientSecret, settings } = loadConfiguration({})
    expect(resource).toBe('http://localhost:3232/mcp')
    expect(mode).toBe('beside')
    expect(demoIssuer).toBe('http://localhost:3001')
    expect(demoClientSecret.length).toBeGreaterThanOrEqual(32)
    expect(settings).toMatchObject({
      PORT: 3232,
      ACCESS_TOKEN_FORMAT: 'opaque',
      LOG_LEVEL: 'info',
    })
  })

  it('makes another secret at every start', () => {
    expect(loadConfiguration({}).demoClientSecret).not.toBe(loadConfiguration({}).demoClientSecret)
  })

  it('counts an empty variable as not set', () => {
    expect(loadConfiguration({ PORT: '', PUBLIC_URL: '  ' }).resource).toBe('http://localhost:3232/mcp')
  })

  it.each([
    ['tomorrow', 'must be a time such as 2026-11-21T08:00:00Z'],
    ['2026-11-21', 'must be a time such as 2026-11-21T08:00:00Z'],
    ['9999-01-01T00:00:00Z', 'must not be in the future'],
  ])('refuses to revoke before %s', (REVOKE_BEFORE, problem) => {
    expect(problems({ REVOKE_BEFORE })).toEqual({ REVOKE_BEFORE: expect.stringContaining(problem) })
  })

  it('reports every problem at once, under the name of the setting', () => {
    expect(
      Object.keys(problems({ PORT: 'abc', AUTH_PROVIDER: 'auht0', LOG_LEVEL: 'loud', PUBLIC_URL: 'mcp.example.com' })),
    ).toEqual(['AUTH_PROVIDER', 'PORT', 'PUBLIC_URL', 'LOG_LEVEL'])
  })

  it.each([
    ['PORT', '99999', 'at most 65535'],
    ['HOST', 'localhost:3232', 'no port after it'],
    ['HOST', 'http://localhost', 'no http:// before it'],
    ['HOST', '[::1]', 'no brackets around it'],
    ['AUTH_SERVER_HOST', '0.0.0.0:3001', 'no port after it'],
    ['PORT', '3232x', 'whole number'],
    ['PORT', '0x10', 'whole number'],
    ['PORT', '-1', 'whole number'],
    ['TOKEN_CACHE_SECONDS', '1.5', 'whole number'],
    ['TRUSTED_PROXIES', 'proxy.example.com', 'IP addresses or ranges'],
    ['TRUSTED_PROXIES', '10.0.0.0/33', 'IP addresses or ranges'],
    ['CIMD_ALLOWED_HOSTS', 'https://claude.ai/', 'host names'],
    ['CIMD_PRIVATE_HOSTS', '*.example.com/x', 'host names'],
    ['AUTH_MODE', 'inside', 'beside or embedded or separate'],
    ['PUBLIC_URL', 'http://mcp.example.com', 'https://'],
    ['PUBLIC_URL', 'https://mcp.example.com/a/../b', 'must be written as /b: no dot segments'],
    ['PUBLIC_URL', 'https://mcp.example.com/tëam', 'must be written as /t%C3%ABam'],
    ['PUBLIC_URL', 'https://mcp.example.com/a?b=c', 'query'],
    ['PUBLIC_URL', 'https://mcp.example.com, http://other.example.com', 'http://other.example.com must start with'],
    ['PUBLIC_URL', 'https://user:pass@mcp.example.com', 'credentials'],
    ['PUBLIC_URL', 'ftp://mcp.example.com', 'https://'],
    ['AUTH_SERVER_URL', 'http://localhost:3001/', 'end in a slash'],
    ['AUTH_SERVER_URL', 'http://localhost:3001/sign-in/', 'http://localhost:3001/sign-in:'],
    ['AUTH_SERVER_URL', 'http://auth.example.com', 'https://'],
    ['AUTH_SERVER_PORT', '3232', 'same as PORT'],
    ['DEMO_RS_CLIENT_SECRET', 'short', '16 characters'],
  ])('refuses %s=%s and says what to write', (setting, value, part) => {
    expect(problems({ [setting]: value })[setting]).toContain(part)
  })

  it('never repeats the value of a secret', () => {
    try {
      loadConfiguration({ DEMO_RS_CLIENT_SECRET: 'hunter2', PORT: 'x' })
      expect.unreachable()
    } catch (error) {
      expect(String(error)).not.toContain('hunter2')
    }
  })

  describe('with AUTH_MODE=embedded', () => {
    it('publishes the origin of the MCP server as issuer', () => {
      const env = { AUTH_MODE: 'embedded', PUBLIC_URL: 'https://mcp.example.com', DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on' }
      expect(loadConfiguration(env).demoIssuer).toBe('https://mcp.example.com')
    })

    it('refuses another issuer', () => {
      expect(
        problems({ AUTH_MODE: 'embedded', AUTH_SERVER_URL: 'https://auth.example.com' }).AUTH_SERVER_URL,
      ).toContain('http://localhost:3232')
    })
  })

  describe('with AUTH_MODE=separate', () => {
    it('has a known secret for two processes on localhost', () => {
      const env = { AUTH_MODE: 'separate' }
      expect(loadConfiguration(env).demoClientSecret).toBe(loadConfiguration(env).demoClientSecret)
    })

    it('demands a secret as soon as one of the two is elsewhere', () => {
      const elsewhere = { AUTH_SERVER_URL: 'https://auth.example.com', DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on' }
      const env = { AUTH_MODE: 'separate', ...elsewhere }
      expect(problems(env).DEMO_RS_CLIENT_SECRET).toContain('is needed')
      expect(problems({ ...env, DEMO_RS_CLIENT_SECRET: 'a-secret-long-enough' })).toEqual({})
    })
  })

  describe('secrets in files', () => {
    const folder = mkdtempSync(join(tmpdir(), 'idplug-'))
    afterAll(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'secret')
    writeFileSync(file, 'from-a-mounted-file\n')

    it('reads a secret file without the line break at its end', () => {
      expect(loadConfiguration({ DEMO_RS_CLIENT_SECRET_FILE: file }).demoClientSecret).toBe('from-a-mounted-file')
    })

    it('names a secret file that cannot be read', () => {
      expect(problems({ DEMO_RS_CLIENT_SECRET_FILE: join(folder, 'none') }).DEMO_RS_CLIENT_SECRET_FILE).toContain(
        'ENOENT',
      )
    })

    it('reads a file for every setting that is documented to take one', () => {
      const page = readFileSync('docs/settings.md', 'utf8')
      const promised = [...page.matchAll(/([A-Z_]+)_FILE can name a file that holds/g)].map(
        ([, name]) => name as string,
      )
      expect(promised).toContain('BRIDGE_KEYS')
      for (const name of promised) {
        const found = problems({ [`${name}_FILE`]: join(folder, 'none') })
        expect(found[`${name}_FILE`], name).toContain('ENOENT')
      }
    })

    it('refuses a secret file beside the variable, unless both hold the same', () => {
      expect(
        problems({ DEMO_RS_CLIENT_SECRET_FILE: file, DEMO_RS_CLIENT_SECRET: 'a-secret-long-enough' })
          .DEMO_RS_CLIENT_SECRET,
      ).toContain('twice')
      const both = { DEMO_RS_CLIENT_SECRET_FILE: file, DEMO_RS_CLIENT_SECRET: readFileSync(file, 'utf8') }
      expect(loadConfiguration(both).demoClientSecret).toBe(readFileSync(file, 'utf8').trim())
    })
  })
})
