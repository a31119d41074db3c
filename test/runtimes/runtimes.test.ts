import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createOidcEmulator, type OidcTokenOptions } from '../../emulators/index.ts'
import { send } from '../edges/send.ts'
import { removeTemporaryFolders } from '../package/built.ts'
import { createProject, type ServerName } from './support/project.ts'
import { type Runtime, runtimes } from './support/runtimes.ts'

const scopes = ['files:read', 'files:write']
const reading: OidcTokenOptions = { scopes: ['files:read'] }

describe.each(runtimes)('on $name', ({ platform, start }: Runtime) => {
  const servers = new Map<ServerName, string>()
  beforeAll(async () => {
    const project = createProject()
    for (const server of ['jwt', 'introspection', 'settings'] as const) {
      servers.set(server, await project.write(server, platform))
    }
  })
  afterAll(removeTemporaryFolders)

  async function world(server: ServerName, tokens: 'jwt' | 'opaque') {
    const emulator = createOidcEmulator({ tokens, scopes })
    const issuer = await emulator.start()
    onTestFinished(() => emulator.close())
    const settings = {
      ISSUER: issuer,
      AUTH_PROVIDER: tokens === 'jwt' ? 'oidc' : 'introspection',
      AUTH_METADATA_URL: `${issuer}/.well-known/openid-configuration`,
      ...(tokens === 'opaque' && {
        INTROSPECTION_CLIENT_ID: 'introspector',
        INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
      }),
    }
    const port = await start(servers.get(server) as string, settings)
    const origin = `http://127.0.0.1:${port}`
    return { emulator, origin, call: (tool: string, token?: string) => callTool(origin, tool, token) }
  }

  const kinds = [
    { kind: 'JWTs, with the validator in code', server: 'jwt', tokens: 'jwt' },
    { kind: 'opaque tokens, with the validator in code', server: 'introspection', tokens: 'opaque' },
    { kind: 'JWTs, with the provider of the settings', server: 'settings', tokens: 'jwt' },
    { kind: 'opaque tokens, with the provider of the settings', server: 'settings', tokens: 'opaque' },
  ] as const

  describe.each(kinds)('a server for $kind,', ({ server, tokens }) => {
    it('sends a challenge to a client without a token, and its metadata to one that asks', async () => {
      const { call, emulator, origin } = await world(server, tokens)
      const refused = await call('read_file')
      expect(refused.status).toBe(401)
      expect(refused.headers['www-authenticate']).toBe(
        'Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp", scope="files:read"',
      )
      const metadata = await send(origin, { path: '/.well-known/oauth-protected-resource/mcp' })
      expect(metadata.json()).toMatchObject({ authorization_servers: [emulator.origin] })
    })

    it(`accepts a good token, and refuses one ${tokens === 'jwt' ? 'with a bad signature' : 'that is inactive'}`, async () => {
      const { call, emulator } = await world(server, tokens)
      const accepted = await call('read_file', await emulator.mint(reading))
      expect([accepted.status, accepted.text]).toEqual([200, expect.stringContaining('7b9f2c64')])
      const other = await emulator.mint(reading)
      emulator.revoke(other)
      const refused = await call('read_file', tokens === 'jwt' ? other.replace(/.{8}$/, 'AAAAAAAA') : other)
      expect(refused.status).toBe(401)
      expect(refused.headers['www-authenticate']).toContain('error="invalid_token"')
    })

    it('answers 503 while the provider is away, and says when to come back', async () => {
      const { call, emulator } = await world(server, tokens)
      const token = await emulator.mint(reading)
      emulator.fail({ kind: 'reset' })
      const response = await call('read_file', token)
      expect(response.status).toBe(503)
      expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
      expect(response.headers['www-authenticate']).toBeUndefined()
    })

    it('runs a tool for a token with its scopes, and names them to one without', async () => {
      const { call, emulator } = await world(server, tokens)
      expect((await call('write_file', await emulator.mint({ scopes }))).status).toBe(200)
      const refused = await call('write_file', await emulator.mint(reading))
      expect(refused.status).toBe(403)
      expect(refused.headers['www-authenticate']).toContain('error="insufficient_scope"')
      expect(refused.headers['www-authenticate']).toContain('scope="files:read files:write"')
    })
  })
})

function callTool(origin: string, name: string, token?: string) {
  return send(origin, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
  })
}
