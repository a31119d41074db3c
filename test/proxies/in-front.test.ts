import { describe, expect, it, onTestFinished } from 'vitest'
import { startGatewayTo } from '../e2e/gateway-servers.ts'
import { createMcpUser } from '../e2e/mcp-user.ts'
import { openPage } from '../support/chromium.ts'
import { freePort, listen } from '../support/http.ts'
import { type InFront, startProxy } from './proxies.ts'
import { expectEventsAtOnce, startTarget } from './target.ts'

const proxies: readonly InFront[] = ['nginx-in-front', 'caddy-in-front', 'haproxy-in-front', 'apache-in-front']

const files = {
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const

/** The gateway with the demo sign-in, behind a proxy. */
async function startBehind(name: InFront) {
  const target = await startTarget()
  const ports = { listen: await freePort(), idplug: await freePort() }
  const site = await listen((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>A client</title>')
  })
  onTestFinished(site.close)
  // Another name of this machine is another origin.
  const page = `http://localhost:${site.port}`
  const { resource } = await startGatewayTo(`http://127.0.0.1:${target.port}/mcp`, {
    declaration: files,
    settings: {
      PORT: String(ports.idplug),
      PUBLIC_URL: `http://127.0.0.1:${ports.listen}`,
      AUTH_MODE: 'embedded',
      TRUSTED_PROXIES: '127.0.0.1',
      ALLOWED_ORIGINS: page,
    },
  })
  await startProxy(name, ports)
  return { resource, target, page }
}

describe.each(proxies)('%s of the gateway', name => {
  it('lets an official client sign in, call and step up, and sends each event at once', async () => {
    const { resource, target } = await startBehind(name)
    const ada = createMcpUser('2.x', resource, 'ada')
    await ada.connect()
    expect((await ada.call('whoami')).text).not.toContain(ada.memory.accessToken)
    const written = await ada.callSteppingUp('write_file')
    expect(written.text).toBe('written')

    await expectEventsAtOnce(target, resource, { authorization: `Bearer ${ada.memory.accessToken}` })
  })

  it('lets a page of another origin in Chromium read the challenge and the metadata', async () => {
    const { resource, page: client } = await startBehind(name)
    const page = await openPage()
    await page.goto(client)
    const refused = await page.evaluate(async url => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' },
        body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
      })
      const challenge = response.headers.get('www-authenticate') ?? ''
      const [, metadataUrl = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? []
      return { status: response.status, challenge, metadata: await (await fetch(metadataUrl)).json() }
    }, resource)
    expect(refused).toMatchObject({
      status: 401,
      challenge: expect.stringContaining('scope="files:read"'),
      metadata: { resource },
    })
  })
})
