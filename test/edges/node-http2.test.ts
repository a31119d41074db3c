import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ClientHttp2Stream, connect, createServer, type OutgoingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createAuth } from '../../auth/create-auth.ts'
import { authRoutes, type ProtectedRequest, protect } from '../../src/edges/node.ts'
import { createTestIssuer } from '../../src/testing/index.ts'
import { callTool, files } from './world.ts'

/** Serves the notes of nobody over HTTP/2, to a client whose connection is open. */
async function start() {
  let now = Date.now()
  const issuer = createTestIssuer({ now: () => now })
  const auth = createAuth(
    { ...files, publicUrls: ['https://other.example'] },
    { env: { TOKEN_CACHE_SECONDS: '1' }, now: () => now, providers: [issuer.provider], observer: {} },
  )
  const routes = authRoutes(auth)
  const endpoint = protect(auth, ({ method, body, token }: ProtectedRequest, response) => {
    if (method === 'GET') response.write(': open\n\n')
    else response.end(JSON.stringify({ body, subject: token?.subject }))
  })
  const server = createServer((http2Request, http2Response) => {
    // Made to be used like those of HTTP/1, which their types do not say.
    const request = http2Request as unknown as IncomingMessage
    const response = http2Response as unknown as ServerResponse
    routes(request, response, () => endpoint(request, response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(async () => {
    client.destroy()
    server.close()
    await auth.close()
  })

  async function open(headers: OutgoingHttpHeaders, body?: string) {
    const stream: ClientHttp2Stream = client.request({ ':path': '/mcp', ...headers }, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    const [answered] = await once(stream, 'response')
    return { stream, headers: answered as Record<string, string> & { ':status': number } }
  }
  return {
    issuer,
    open,
    async send(headers: OutgoingHttpHeaders, body?: string) {
      const { stream, headers: answered } = await open(headers, body)
      let text = ''
      for await (const chunk of stream) text += chunk
      return { status: answered[':status'], headers: answered, json: () => JSON.parse(text) }
    },
    pass: (seconds: number) => {
      now += seconds * 1_000
    },
  }
}

const json = { ':method': 'POST', 'content-type': 'application/json' }

describe('idplug/node over HTTP/2', () => {
  it('lets a call pass with its body, and refuses others before they reach the handler', async () => {
    const { issuer, send } = await start()
    const authorization = `Bearer ${await issuer.token({ scopes: ['files:read'] })}`
    const accepted = await send({ ...json, authorization }, JSON.stringify(callTool('whoami')))
    expect([accepted.status, accepted.json()]).toEqual([200, { body: callTool('whoami'), subject: 'ada' }])
    expect((await send(json, '{}')).headers['www-authenticate']).toMatch(/^Bearer resource_metadata=/)
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const headers = { ...json, ':method': method, authorization }
      expect((await send(headers, JSON.stringify(callTool('write_file')))).status).toBe(403)
    }
    expect((await send({ ...json, authorization }, ' '.repeat(2_000_000))).status).toBe(413)
    expect((await send({ ':method': 'DELETE', authorization })).status).toBe(200)
  })

  it('goes by the name that the request is addressed to', async () => {
    const { send } = await start()
    const path = '/.well-known/oauth-protected-resource/mcp'
    const metadata = await send({ ':path': path, ':authority': 'other.example' })
    expect(metadata.json()).toMatchObject({ resource: 'https://other.example/mcp' })
    expect((await send({ ...json, ':authority': 'evil.example' }, '{}')).status).toBe(403)
  })

  it('ends an event stream with its token, and leaves the connection to other requests', async () => {
    const { issuer, open, send, pass } = await start()
    const authorization = `Bearer ${await issuer.token({ scopes: ['files:read'], expiresInSeconds: 60 })}`
    const { stream, headers } = await open({ authorization })
    expect(headers[':status']).toBe(200)
    stream.resume()
    pass(70)
    await once(stream, 'end')
    expect((await send({ authorization })).status).toBe(401)
  })
})
