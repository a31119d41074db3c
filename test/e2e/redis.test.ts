import { describe, expect, it, vi } from 'vitest'
import { createClient } from '../demo-as/support.ts'
import { createBrowser } from '../support/browser.ts'
import { command } from '../support/redis.ts'
import { createMcpUser } from './mcp-user.ts'
import { type Processes, startProcesses } from './processes.ts'

const clientOf = ({ issuer }: Processes) => createClient(issuer)
const statusOf = async (url: string) => (await fetch(url)).status

describe('two processes on one Redis', () => {
  it('redeem a code once, however many requests there are at once; the family of the others ends', async () => {
    const processes = await startProcesses()
    const client = clientOf(processes)
    const { json } = await client.register()
    for (let round = 0; round < 3; round++) {
      const { fields } = await client.obtainCode(json.client_id, { resource: processes.resource })
      const answers = await Promise.all(Array.from({ length: 200 }, () => client.token(fields)))
      const given = answers.filter(({ status }) => status === 200)
      const refused = answers.filter(({ json }) => json.error === 'invalid_grant')
      expect([given.length, refused.length]).toEqual([1, 199])
    }
  })

  it('make one of two hundred refreshes at once, and give all the same answer', async () => {
    const processes = await startProcesses()
    const client = clientOf(processes)
    for (let round = 0; round < 3; round++) {
      const { clientId, tokens } = await client.obtainTokens({ resource: processes.resource })
      const answers = await Promise.all(
        Array.from({ length: 200 }, () => client.refresh(clientId, tokens.refresh_token)),
      )
      expect(answers.filter(({ status }) => status !== 200).map(({ json }) => json)).toEqual([])
      expect(new Set(answers.map(({ json }) => json.refresh_token)).size).toBe(1)
    }
  })

  it('take the scopes of a sign-in again, in whatever order a client keeps them, and make one refresh of two', async () => {
    const processes = await startProcesses()
    const client = clientOf(processes)
    const scope = 'notes:read notes:admin offline_access'
    const { clientId, tokens } = await client.obtainTokens({ resource: processes.resource, scope }, 'ben')
    expect(tokens.scope).toBe('notes:read')
    let token = tokens.refresh_token
    for (let hour = 0; hour < 3; hour++) {
      const spellings = [scope, scope.split(' ').reverse().join(' ')]
      const answers = await Promise.all(spellings.map(spelling => client.refresh(clientId, token, { scope: spelling })))
      expect(answers.map(({ status, json }) => ({ status, scope: json.scope }))).toEqual([
        { status: 200, scope: 'notes:read' },
        { status: 200, scope: 'notes:read' },
      ])
      expect(answers[1]?.json).toEqual(answers[0]?.json)
      token = answers[0]?.json.refresh_token
    }
    const widened = await client.refresh(clientId, token, { scope: 'notes:read notes:write' })
    expect(widened).toMatchObject({ status: 400, json: { error: 'invalid_scope' } })
  })

  it('leave no token and no code in it that could be used', async () => {
    const { issuer, resource, redis } = await startProcesses()
    const client = createClient(issuer)
    const { json } = await client.register()
    const { fields } = await client.obtainCode(json.client_id, { resource })
    const { json: tokens } = await client.token(fields)
    const { json: renewed } = await client.refresh(json.client_id, tokens.refresh_token)
    const keys = (await command(redis.port, 'KEYS', '*')).split('\r\n').filter(line => line.startsWith('idplug:'))
    const values = await Promise.all(keys.map(key => command(redis.port, 'GET', key)))
    const all = [...keys, ...values].join('\n')
    expect(all).toContain(json.client_id)
    const secrets = [
      fields.code,
      tokens.access_token,
      tokens.refresh_token,
      renewed.access_token,
      renewed.refresh_token,
    ]
    for (const secret of secrets) expect(all).not.toContain(secret)
  })

  it('answer 503 while Redis is away, say so at /ready, and go on by themselves with nothing lost', async () => {
    const processes = await startProcesses({ TOKEN_CACHE_SECONDS: '0' })
    const { issuer, resource, redis } = processes
    const ready = new URL('/ready', resource).href
    const ada = createMcpUser('2.x', resource, 'ada')
    await ada.connect()
    const client = clientOf(processes)
    const { clientId, tokens } = await client.obtainTokens({ resource })
    const { url } = client.authorizeUrl(clientId, { resource })
    // Both processes were asked a moment ago.
    for (const server of [ready, ready, `${issuer}/ready`, `${issuer}/ready`]) expect(await statusOf(server)).toBe(200)

    await redis.kill()
    const refused = await client.refresh(clientId, tokens.refresh_token)
    expect(refused).toMatchObject({ status: 503, json: { error: 'temporarily_unavailable' } })
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await client.register()).toMatchObject({ status: 503, json: { error: 'temporarily_unavailable' } })
    const page = await createBrowser().open(url, { accept: 'text/html' })
    expect(page.status).toBe(503)
    expect(page.text).toContain('Not reachable right now')
    expect(await statusOf(`${issuer}/health`)).toBe(200)
    expect(await (await fetch(ready)).json()).toEqual({ status: 'not ready', reason: expect.any(String) })
    expect(await statusOf(`${issuer}/ready`)).toBe(503)
    const call = await fetch(resource, {
      method: 'POST',
      headers: { Authorization: `Bearer ${ada.memory.accessToken}`, 'Content-Type': 'application/json' },
      body: '{}',
    })
    expect(call.status).toBe(503)
    expect(call.headers.get('www-authenticate')).toBeNull()

    await redis.restart()
    await vi.waitUntil(async () => (await statusOf(ready)) === 200 && (await statusOf(ready)) === 200)
    expect((await client.refresh(clientId, tokens.refresh_token)).status).toBe(200)
    expect((await ada.call('whoami')).isError).toBe(false)
    expect(ada.memory.authorizationRequests).toBe(1)
    // Logs are written in blocks.
    await vi.waitUntil(() => /store_unreachable.*store_back/s.test(processes.log()))
  })

  it.each(['opaque', 'jwt'])(
    'lose nothing when all of them and Redis are started anew, with %s tokens',
    async format => {
      const processes = await startProcesses({ ACCESS_TOKEN_FORMAT: format })
      const { resource, redis } = processes
      const client = clientOf(processes)
      const ada = createMcpUser('2.x', resource, 'ada')
      await ada.connect()
      const { clientId, tokens } = await client.obtainTokens({ resource })

      await redis.kill()
      await redis.restart()
      await processes.restart()

      expect((await ada.call('whoami')).isError).toBe(false)
      expect(ada.memory.authorizationRequests).toBe(1)
      const refreshed = await client.refresh(clientId, tokens.refresh_token)
      expect(refreshed.status).toBe(200)
    },
  )
})
