import { describe, expect, it, vi } from 'vitest'
import { initialize, legacyHeaders, messagesOf, openSession, post, serve, toolCall } from './support.ts'

const whoami = toolCall(1, 'whoami')
const notFound = { jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null }

describe('a session', () => {
  it('goes on with a refreshed token of the same identity', async () => {
    const { url } = await serve()
    const id = await openSession(url, 'alice')
    const response = await post(url, 'alice-refreshed', whoami, { 'Mcp-Session-Id': id })
    expect(await messagesOf(response)).toMatchObject([
      { result: { structuredContent: { expiresAt: '2096-10-02T07:06:41.000Z' } } },
    ])
  })

  it.each([
    { who: 'another user', bearer: 'bob' },
    { who: 'the same user through another client', bearer: 'alice-other-client' },
    { who: 'a user of the same name at another issuer', bearer: 'alice-elsewhere' },
  ])('does not exist for $who', async ({ bearer }) => {
    const { url } = await serve()
    const id = await openSession(url, 'alice')
    for (const request of [
      { method: 'POST', body: JSON.stringify(whoami) },
      { method: 'GET' },
      { method: 'DELETE' },
    ] satisfies RequestInit[]) {
      const headers = { ...legacyHeaders, Authorization: `Bearer ${bearer}` }
      const foreign = await fetch(url, { ...request, headers: { ...headers, 'Mcp-Session-Id': id } })
      const unknown = await fetch(url, { ...request, headers: { ...headers, 'Mcp-Session-Id': crypto.randomUUID() } })
      expect([foreign.status, await foreign.json()]).toEqual([404, notFound])
      expect([unknown.status, await unknown.json()]).toEqual([404, notFound])
      expect(namesOf(foreign)).toEqual(namesOf(unknown))
    }
    expect((await post(url, 'alice', whoami, { 'Mcp-Session-Id': id })).status).toBe(200)
  })

  it('has an id that cannot be guessed', async () => {
    const { url } = await serve()
    const ids = await Promise.all(Array.from({ length: 5 }, () => openSession(url, 'alice')))
    expect(new Set(ids).size).toBe(5)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('ends with DELETE', async () => {
    const { url, endpoint } = await serve()
    const id = await openSession(url, 'alice')
    expect(endpoint.sessionCount).toBe(1)
    const headers = { ...legacyHeaders, Authorization: 'Bearer alice', 'Mcp-Session-Id': id }
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(200)
    expect(endpoint.sessionCount).toBe(0)
    expect((await post(url, 'alice', whoami, { 'Mcp-Session-Id': id })).status).toBe(404)
  })

  it('ends when it was idle for too long', async () => {
    let now = 0
    const { url, endpoint } = await serve({ now: () => now, sessionIdleSeconds: 60 })
    const id = await openSession(url, 'alice')
    now = 59_000
    expect((await post(url, 'alice', whoami, { 'Mcp-Session-Id': id })).status).toBe(200)
    now = 59_000 + 59_999
    expect((await post(url, 'alice', whoami, { 'Mcp-Session-Id': id })).status).toBe(200)
    now += 60_000
    expect((await post(url, 'alice', whoami, { 'Mcp-Session-Id': id })).status).toBe(404)
    expect(endpoint.sessionCount).toBe(0)
  })

  it('does not go idle while its stream is open', async () => {
    let now = 0
    const { url } = await serve({ now: () => now, sessionIdleSeconds: 60 })
    const id = await openSession(url, 'alice')
    const headers = { ...legacyHeaders, Authorization: 'Bearer alice', 'Mcp-Session-Id': id }
    const stream = await fetch(url, { headers })
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    now = 3_600_000
    expect((await post(url, 'alice', whoami, { 'Mcp-Session-Id': id })).status).toBe(200)
    await stream.body?.cancel()
  })

  it('makes room for a new one of the same user, the least recently used first', async () => {
    const { url, endpoint } = await serve({ maxSessionsPerUser: 2 })
    const bobs = await openSession(url, 'bob')
    const first = await openSession(url, 'alice')
    const second = await openSession(url, 'alice-other-client')
    await (await post(url, 'alice', whoami, { 'Mcp-Session-Id': first })).text()
    const third = await openSession(url, 'alice')
    expect(endpoint.sessionCount).toBe(3)
    expect(await statuses(url, { bob: bobs, alice: first, 'alice-other-client': second })).toEqual([200, 200, 404])
    expect((await post(url, 'alice', whoami, { 'Mcp-Session-Id': third })).status).toBe(200)
  })

  it('makes room for somebody else only when there are too many of all users', async () => {
    const { url, endpoint } = await serve({ maxSessions: 2 })
    const alices = await openSession(url, 'alice')
    const bobs = await openSession(url, 'bob')
    const admins = await openSession(url, 'admin')
    expect(endpoint.sessionCount).toBe(2)
    expect(await statuses(url, { alice: alices, bob: bobs, admin: admins })).toEqual([404, 200, 200])
  })

  it('is asked for by 400 when a request names none', async () => {
    const { url, endpoint } = await serve()
    expect((await post(url, 'alice', whoami)).status).toBe(400)
    expect((await fetch(url, { headers: { ...legacyHeaders, Authorization: 'Bearer alice' } })).status).toBe(400)
    expect(endpoint.sessionCount).toBe(0)
  })

  it('is not left behind by an initialize request that is refused', async () => {
    const { url, endpoint } = await serve()
    const refused = [
      post(url, 'alice', initialize, { Accept: 'application/json' }),
      post(url, 'alice', [initialize, whoami]),
      post(url, 'alice', { ...initialize, params: {} }),
    ]
    expect((await Promise.all(refused)).map(({ status }) => status)).toEqual([406, 400, 400])
    expect(endpoint.sessionCount).toBe(0)
  })
})

describe('without sessions', () => {
  it('answers any request by itself and hands out no id', async () => {
    const { url, endpoint } = await serve({ sessions: 'off' })
    const opened = await post(url, 'alice', initialize)
    expect(opened.headers.get('mcp-session-id')).toBeNull()
    expect(await messagesOf(opened)).toMatchObject([{ id: 0, result: { protocolVersion: '2025-11-25' } }])
    expect(await messagesOf(await post(url, 'bob', whoami))).toMatchObject([
      { id: 1, result: { structuredContent: { subject: 'bob' } } },
    ])
    expect(endpoint.sessionCount).toBe(0)
  })

  it.each(['GET', 'DELETE'])('answers %s with 405', async method => {
    const { url } = await serve({ sessions: 'off' })
    const response = await fetch(url, { method, headers: { ...legacyHeaders, Authorization: 'Bearer alice' } })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
  })
})

it('sweeps idle sessions that nobody asks for', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    let now = 0
    const { url, endpoint } = await serve({ now: () => now, sessionIdleSeconds: 60 })
    await openSession(url, 'alice')
    vi.advanceTimersByTime(60_000)
    expect(endpoint.sessionCount).toBe(1)
    now = 60_000
    vi.advanceTimersByTime(60_000)
    expect(endpoint.sessionCount).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

it('refuses a second stream for one session and ends the first with the session', async () => {
  const { url } = await serve()
  const id = await openSession(url, 'alice')
  const headers = { ...legacyHeaders, Authorization: 'Bearer alice', 'Mcp-Session-Id': id }
  const stream = await fetch(url, { headers })
  expect((await fetch(url, { headers })).status).toBe(409)
  await fetch(url, { method: 'DELETE', headers })
  expect(await stream.text()).toBe('')
})

async function statuses(url: URL, sessions: Record<string, string>): Promise<number[]> {
  const all: number[] = []
  for (const [bearer, id] of Object.entries(sessions)) {
    all.push((await post(url, bearer, whoami, { 'Mcp-Session-Id': id })).status)
  }
  return all
}

function namesOf({ headers }: Response): string[] {
  return [...headers.keys()].sort()
}
