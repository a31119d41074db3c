import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { basic } from '../../demo-as/support.ts'
import { freePort, listen } from '../../support/http.ts'
import { startProgram } from '../../support/program.ts'
import { temporaryFolder } from '../../support/temporary-files.ts'

/** `idplug authorization-server` with the given settings. */
const run = (settings: Record<string, string>) =>
  startProgram(['authorization-server'], { env: { AUTH_STORE: 'memory', ...settings } })

describe('the process', () => {
  it('serves, says so, warns of nothing, and stops when told to', async () => {
    const port = await freePort()
    const { child, ended, stdout, stderr } = run({ AUTH_SERVER_PORT: String(port), DRAIN_SECONDS: '0' })
    await once(child.stdout, 'data')
    const metadata = await (await fetch(`http://localhost:${port}/.well-known/oauth-authorization-server`)).json()
    expect(metadata).toMatchObject({ issuer: `http://localhost:${port}` })
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(stderr()).toBe('')
    const events = stdout().trim().split('\n')
    expect(events.map(line => JSON.parse(line))).toEqual([
      expect.objectContaining({
        event: 'started',
        issuer: `http://localhost:${port}`,
        access_tokens: 'opaque',
        resources: ['http://localhost:3232/mcp'],
      }),
      expect.objectContaining({ event: 'stopping', signal: 'SIGTERM' }),
    ])
  })

  it('listens where the platform says, and takes no address of the MCP server from that', async () => {
    const port = await freePort()
    const { child, stdout } = run({ PORT: String(port) })
    await once(child.stdout, 'data')
    expect(JSON.parse(stdout())).toMatchObject({
      issuer: `http://localhost:${port}`,
      resources: ['http://localhost:3232/mcp'],
    })
  })

  it('serves every declaration that it is given, each with introspection credentials of its own', async () => {
    const folder = temporaryFolder()
    const paths = ['files', 'mail'].map(name => {
      const path = join(folder, `${name}.json`)
      const scopes = { [`${name}:read`]: 'Read' }
      writeFileSync(
        path,
        JSON.stringify({ name, resource: `/team/${name}`, scopes, initialScopes: Object.keys(scopes) }),
      )
      return path
    })
    const [AUTH_SERVER_PORT, DEMO_RS_CLIENT_SECRET] = [String(await freePort()), 'a-secret-of-the-servers']
    const settings = { AUTH_RESOURCE: paths.join(','), PUBLIC_URL: 'http://localhost:9/x' }
    const { child, stdout } = run({ ...settings, AUTH_SERVER_PORT, DEMO_RS_CLIENT_SECRET })
    await once(child.stdout, 'data')
    const { issuer, resources } = JSON.parse(stdout())
    expect(resources).toEqual(['http://localhost:9/x/team/files', 'http://localhost:9/x/team/mail'])
    const metadata: unknown = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json()
    expect(metadata).toMatchObject({ scopes_supported: expect.arrayContaining(['files:read', 'mail:read']) })
    for (const clientId of ['mcp-server', 'mcp-server-mail']) {
      const headers = { authorization: basic(clientId, DEMO_RS_CLIENT_SECRET) }
      const body = new URLSearchParams({ token: 'none' })
      expect((await fetch(`${issuer}/oauth/introspect`, { method: 'POST', headers, body })).status).toBe(200)
    }
  })

  it('says which setting to change when its port is taken, and exits with 1', async () => {
    const taken = await listen(() => {})
    onTestFinished(taken.close)
    const { ended, stderr } = run({ AUTH_SERVER_PORT: String(taken.port) })
    expect(await ended).toBe(1)
    expect(stderr()).toContain(`AUTH_SERVER_PORT: port ${taken.port} is taken by another program`)
    expect(stderr()).not.toContain('    at ')
  })

  it.each([
    ['the MCP server', { PUBLIC_URL: 'https://mcp.example.com' }],
    ['the authorization server', { AUTH_SERVER_URL: 'https://auth.example.com' }],
  ])('does not start on the well-known secret when %s is not on this machine', async (_name, settings) => {
    const { ended, stderr } = run(settings)
    expect(await ended).toBe(1)
    expect(stderr()).toContain('DEMO_RS_CLIENT_SECRET')
  })
})
