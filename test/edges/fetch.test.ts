import { describe, expect, it, onTestFinished } from 'vitest'
import { createAuth } from '../../auth/create-auth.ts'
import type { Decision } from '../../src/auth.ts'
import { authRoutes, type ProtectedContext, protect } from '../../src/edges/fetch.ts'
import { createTestIssuer } from '../../src/testing/index.ts'
import { freePort } from '../support/http.ts'
import { describeEdge } from './describe-edge.ts'
import type { EdgeFixture } from './edge-fixture.ts'
import { serveFetch } from './serve-fetch.ts'
import { files } from './world.ts'

const edge: EdgeFixture = {
  name: 'idplug/fetch',
  parsers: [],
  start({ mounted, handler, port }) {
    const routes = authRoutes(...mounted.map(({ auth }) => auth))
    const see = (request: Request, { token, authInfo, parsedBody: body }: ProtectedContext) =>
      handler({ method: request.method, body, authInfo, token, text: () => request.text() })
    const endpoints = new Map(mounted.map(({ path, auth }) => [path, protect(auth, see)]))
    return serveFetch(async request => {
      const endpoint = endpoints.get(new URL(request.url).pathname)
      return (await routes(request)) ?? endpoint?.(request) ?? new Response('Not Found', { status: 404 })
    }, port)
  },
}

describeEdge(edge)

describe('the demo sign-in on idplug/fetch', () => {
  const local = { ...files, resource: 'http://localhost:3000/mcp' }
  const start = (env: Record<string, string>) => {
    const auth = createAuth(local, { env, observer: {} })
    onTestFinished(auth.close)
    return authRoutes(auth)
  }

  it('serves this machine only, by the name that the request is addressed to', async () => {
    const routes = start({})
    const statusAt = async (origin: string) =>
      (await routes(new Request(`${origin}/.well-known/oauth-authorization-server`)))?.status
    expect(await statusAt('http://localhost:3000')).toBe(200)
    expect(await statusAt('http://192.168.1.10:3000')).toBe(403)
  })

  it('answers 503 while its store is away', async () => {
    const routes = start({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` })
    const response = await routes(new Request('http://localhost:3000/.well-known/oauth-authorization-server'))
    expect(response?.status).toBe(503)
    expect(response?.headers.get('retry-after')).toBe('5')
  })
})

it('idplug/fetch says so when something in front of it has read the body', async () => {
  const issuer = createTestIssuer()
  const auth = createAuth(files, { env: {}, providers: [issuer.provider], observer: {} })
  onTestFinished(auth.close)
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${await issuer.token({ scopes: ['files:read'] })}`,
  }
  const request = new Request(files.resource, { method: 'POST', headers, body: '{}' })
  await request.text()
  const handle = protect(auth, () => new Response('done'))
  await expect(handle(request)).rejects.toThrow('something in front of protect(auth) has read the body')
})

it('idplug/fetch tells observers of a client that hangs up in the middle of its body', async () => {
  const issuer = createTestIssuer()
  const decided: Decision[] = []
  const observer = { decision: (decision: Decision) => void decided.push(decision) }
  const auth = createAuth(files, { env: {}, providers: [issuer.provider], observer })
  onTestFinished(auth.close)
  const body = new ReadableStream({ pull: controller => controller.error(new Error('gone')) })
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${await issuer.token({ scopes: ['files:read'] })}`,
  }
  const handle = protect(auth, () => new Response('done'))
  const response = await handle(new Request(files.resource, { method: 'POST', headers, body, duplex: 'half' }))
  expect(response.status).toBe(400)
  expect(decided).toMatchObject([{ status: 400, reason: { kind: 'body_refused', detail: 'incomplete' } }])
})
