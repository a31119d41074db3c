import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { type AuthFromOptions, authFrom } from '../../auth/auth-from.ts'
import { ConfigError } from '../../src/config-error.ts'
import { protect } from '../../src/edges/node.ts'
import { createIntrospectionValidator } from '../../src/engines/introspection.ts'
import { type Listening, listen } from '../support/http.ts'

const RESOURCE = 'https://mcp.example.com/mcp'
const FLOOD = 1400
const STRANGER = '127.0.0.1'
const PERSON = '127.0.0.2'

const open: Listening[] = []
const agents: Agent[] = []
afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy()
  for (const server of open.splice(0)) await server.close()
})

/**
 * An MCP server whose provider says at once that `good…` is good, and leaves every other token without an answer until it is told
 * to give one: the slowest provider there is.
 */
async function start(options: AuthFromOptions = {}) {
  const held: ServerResponse[] = []
  const shown: string[] = []
  const answer = (response: ServerResponse, body: object) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const provider = await listen(
    createServer(async (incoming, response) => {
      const token = new URLSearchParams(await text(incoming)).get('token') ?? ''
      shown.push(token)
      const { port } = provider
      const issuer = `http://127.0.0.1:${port}`
      if (token.startsWith('good'))
        answer(response, { active: true, iss: issuer, sub: 'ada', client_id: 'c', aud: RESOURCE })
      else held.push(response)
    }),
  )
  open.push(provider)
  const validator = createIntrospectionValidator(
    {
      issuer: provider.origin,
      introspectionEndpoint: `${provider.origin}/introspect`,
      audience: { audience: [RESOURCE] },
      credentials: { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'secret' },
    },
    { resource: RESOURCE, timeoutSeconds: 600 },
  )
  const declaration = { resource: RESOURCE, name: 'Files', scopes: {} } as const
  const auth = authFrom(declaration, validator, { observer: {}, allowedHosts: ['127.0.0.1'], ...options })
  let requests = 0
  const endpoint = protect(auth, (_request, response) => response.writeHead(200).end('{}'))
  const server = await listen(
    createServer({ keepAlive: true }, (incoming, response) => {
      requests++
      endpoint(incoming, response)
    }),
  )
  open.push(server)
  return {
    server,
    shown,
    held,
    requests: () => requests,
    release() {
      for (const response of held.splice(0)) answer(response, { active: false })
    },
  }
}

function clientAt(localAddress: string, { port }: Listening) {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, localAddress })
  agents.push(agent)
  return async (token: string, headers: Record<string, string> = {}) => {
    const asked = request({
      host: '127.0.0.1',
      port,
      path: '/mcp',
      agent,
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    response.resume()
    return response
  }
}

test(`${FLOOD} connections with made-up tokens from one address keep nobody at another address waiting`, async () => {
  const { server, shown, requests, release } = await start()
  const stranger = clientAt(STRANGER, server)
  const person = clientAt(PERSON, server)
  const flood = Array.from({ length: FLOOD }, (_, n) => stranger(`made-up-${n}`))
  await expect.poll(requests).toBe(FLOOD)
  await expect.poll(() => shown.length).toBe(48)

  // All of the stranger's are still held: waiting for one of them would never end.
  const { statusCode } = await person('good-1')
  expect(statusCode).toBe(200)

  const finished = Promise.all(flood)
  let done = false
  void finished.then(() => {
    done = true
  })
  await expect
    .poll(() => {
      release()
      return done
    })
    .toBe(true)
  const statuses = (await finished).map(({ statusCode }) => statusCode)
  expect(statuses.filter(status => status === 401)).toHaveLength(548)
  const turnedAway = (await finished).filter(({ statusCode }) => statusCode === 503)
  expect(turnedAway).toHaveLength(FLOOD - 548)
  expect(turnedAway.every(({ headers }) => headers['retry-after'] === '1')).toBe(true)
})

test('behind a trusted proxy it is the address in X-Forwarded-For that counts, and only what the proxy wrote', async () => {
  const { server, shown } = await start({ trustedProxies: ['127.0.0.1'] })
  const proxy = clientAt('127.0.0.1', server)
  const flood = Array.from({ length: 300 }, (_, n) =>
    proxy(`made-up-${n}`, { 'x-forwarded-for': `203.0.113.${n % 250}, 198.51.100.7` }),
  )
  for (const asked of flood) asked.catch(() => {})
  await expect.poll(() => shown.length).toBe(48)
  expect((await proxy('good-2', { 'x-forwarded-for': '198.51.100.8' })).statusCode).toBe(200)
})

test('without a trusted proxy what X-Forwarded-For says does not count', async () => {
  const { server, shown, requests } = await start()
  const stranger = clientAt(STRANGER, server)
  const flood = Array.from({ length: 300 }, (_, n) =>
    stranger(`made-up-${n}`, { 'x-forwarded-for': `203.0.113.${n % 250}` }),
  )
  for (const asked of flood) asked.catch(() => {})
  await expect.poll(requests).toBe(300)
  await expect.poll(() => shown.length).toBe(48)
  expect((await clientAt(PERSON, server)('good-3')).statusCode).toBe(200)
})

test('a proxy that is neither an address nor a range is a configuration error', () => {
  const validator = createIntrospectionValidator(
    {
      issuer: 'https://as.example.com',
      audience: { audience: [RESOURCE] },
      credentials: { method: 'client_secret_basic', clientId: 'rs', clientSecret: 'secret' },
    },
    { resource: RESOURCE },
  )
  const declaration = { resource: RESOURCE, name: 'Files', scopes: {} } as const
  expect(() => authFrom(declaration, validator, { trustedProxies: ['10.0.0.0/8', 'proxy.internal'] })).toThrow(
    ConfigError,
  )
})
