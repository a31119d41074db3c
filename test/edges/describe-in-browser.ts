import { expect, it } from 'vitest'
import { createAuth } from '../../auth/create-auth.ts'
import { createTestIssuer } from '../../src/testing/index.ts'
import { openPage } from '../support/chromium.ts'
import { freePort, listen } from '../support/http.ts'
import type { EdgeFixture } from './edge-fixture.ts'
import { callTool, files, worldOf } from './world.ts'

const METADATA = '/.well-known/oauth-protected-resource/mcp'

/** Calls the server of one edge from a page of another origin in Chromium. */
export function describeInBrowser(edge: EdgeFixture): void {
  const makeWorld = worldOf(edge)

  it(`${edge.name} is found, refused and called by a page of another origin in Chromium`, async () => {
    const page = await openPage()
    const site = await listen((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>A client</title>')
    })
    const port = await freePort()
    const resource = `http://127.0.0.1:${port}/mcp`
    // Another name of this machine is another origin.
    const client = `http://localhost:${site.port}`
    const issuer = createTestIssuer()
    const auth = createAuth(
      { ...files, resource },
      { env: { ALLOWED_ORIGINS: client }, providers: [issuer.provider], observer: {} },
    )
    const { seen } = await makeWorld({ mounted: [{ path: '/mcp', auth }], port })
    try {
      await page.goto(client)
      const token = await issuer.token({ scopes: ['files:read'] })
      const call = (tool: string, bearer?: string) =>
        page.evaluate(callFromPage, { resource, body: JSON.stringify(callTool(tool)), bearer })

      const refused = await call('whoami')
      const metadataUrl = `http://127.0.0.1:${port}${METADATA}`
      expect(refused).toMatchObject({
        status: 401,
        challenge: `Bearer resource_metadata="${metadataUrl}", scope="files:read"`,
        body: { request_id: refused.requestId },
      })
      const metadata = await page.evaluate(async url => (await fetch(url)).json(), metadataUrl)
      expect(metadata).toMatchObject({ resource, authorization_servers: [issuer.issuer] })

      expect(await call('whoami', token)).toMatchObject({ status: 200, body: { token: { subject: 'ada' } } })
      expect(await call('write_file', token)).toMatchObject({
        status: 403,
        challenge: expect.stringContaining('scope="files:read files:write"'),
      })
      expect(await page.evaluate(readStream, { resource, bearer: token })).toBe(': open\n\n')
      expect(seen.map(({ method }) => method)).toEqual(['POST', 'GET'])
    } finally {
      await site.close()
    }
  })
}

// What follows runs in the page.

async function callFromPage({ resource, body, bearer }: { resource: string; body: string; bearer?: string }) {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' }
  if (bearer) headers.authorization = `Bearer ${bearer}`
  const response = await fetch(resource, { method: 'POST', headers, body })
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    requestId: response.headers.get('x-request-id'),
    body: await response.json(),
  }
}

async function readStream({ resource, bearer }: { resource: string; bearer: string }) {
  const gone = new AbortController()
  const response = await fetch(resource, { headers: { authorization: `Bearer ${bearer}` }, signal: gone.signal })
  const chunk = await response.body?.getReader().read()
  gone.abort()
  return new TextDecoder().decode(chunk?.value)
}
