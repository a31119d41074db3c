import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freePort, listen } from '../support/http.ts'
import { startProgram } from '../support/program.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

const run = (args: readonly string[], env: Record<string, string>) =>
  startProgram(args, { env: { AUTH_STORE: 'memory', ...env } })

async function ports() {
  return { PORT: String(await freePort()), AUTH_SERVER_PORT: String(await freePort()) }
}

const answers = async (url: string) => (await fetch(url).catch(() => undefined))?.status

describe('the start', () => {
  it('lists every wrong setting at once and exits with 1', async () => {
    const { ended, output } = run([], { PORT: 'http', AUTH_PROVIDER: 'autho', LOG_LEVEL: 'loud' })
    expect(await ended).toBe(1)
    expect(output()).toMatch(/^idplug does not start\. 3 settings are wrong:\n/)
    expect(output()).toContain('AUTH_PROVIDER: names no provider. Did you mean auth0? It must be one or more of ')
    expect(output()).not.toContain('    at ')
  })

  it.each(['PORT', 'AUTH_SERVER_PORT'] as const)(
    'says which program setting to change when %s is taken',
    async setting => {
      const taken = await listen(() => {})
      onTestFinished(taken.close)
      const { ended, output } = run([], { ...(await ports()), [setting]: String(taken.port) })
      expect(await ended).toBe(1)
      expect(output()).toContain(`${setting}: port ${taken.port} is taken by another program`)
      expect(output()).not.toContain('    at ')
    },
  )

  it('says that Redis cannot be reached, and not the password to it', async () => {
    const { ended, output } = run([], {
      ...(await ports()),
      AUTH_STORE: 'redis',
      REDIS_URL: `redis://:some-password@127.0.0.1:${await freePort()}`,
      DEMO_RS_CLIENT_SECRET: 'the-same-secret-for-all-processes',
    })
    expect(await ended).toBe(1)
    expect(output()).toContain('REDIS_URL: names a Redis that does not work')
    expect(output()).not.toContain('some-password')
    expect(output()).not.toContain('    at ')
  })

  it('names an address that is not of this machine', async () => {
    const { ended, output } = run([], { ...(await ports()), HOST: '192.0.2.1', DANGEROUSLY_ALLOW_FAKE_SIGN_IN: 'on' })
    expect(await ended).toBe(1)
    expect(output()).toContain('HOST: 192.0.2.1 is not an address of this machine')
  })

  it('succeeds without the authorization server, answers 503 until that one is there, then works', async () => {
    const settings = { ...(await ports()), AUTH_MODE: 'separate' }
    const server = `http://localhost:${settings.PORT}`
    const { output } = run([], settings)
    await expect.poll(() => answers(`${server}/health`)).toBe(200)
    expect(await answers(`${server}/ready`)).toBe(503)
    const call = () => fetch(`${server}/mcp`, { method: 'POST', headers: { Authorization: 'Bearer something' } })
    const refused = await call()
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    await expect.poll(output).toContain('provider_not_ready')

    run(['authorization-server'], settings)
    await expect.poll(() => answers(`${server}/ready`)).toBe(200)
    expect((await call()).status).toBe(401)
  })
})

const ready = async (origin: string) => {
  const answer = await fetch(`${origin}/ready`).catch(() => undefined)
  return answer && { status: answer.status, body: await answer.json(), connection: answer.headers.get('connection') }
}

/** A key that the server accepts, so that nobody has to sign in. */
function apiKey(): { file: string; key: string } {
  const folder = temporaryFolder()
  const key = `idplug_${randomBytes(32).toString('base64url')}`
  const sha256 = createHash('sha256').update(key).digest('hex')
  const file = join(folder, 'keys.json')
  writeFileSync(file, JSON.stringify({ keys: [{ id: 'job', sha256, owner: 'ops', scopes: ['notes:read'] }] }))
  return { file, key }
}

describe('the stop', () => {
  it('after SIGTERM says first that it is not ready, on both ports, and goes on answering', async () => {
    const settings = await ports()
    const [mcp, as] = [settings.PORT, settings.AUTH_SERVER_PORT].map(port => `http://localhost:${port}`) as [
      string,
      string,
    ]
    const { child, ended, output } = run([], { ...settings, DRAIN_SECONDS: '6' })
    await expect.poll(output).toContain('"started"')
    expect(await answers(`${mcp}/ready`)).toBe(200)
    expect((await ready(as))?.status).toBe(200)
    const told = performance.now()
    child.kill('SIGTERM')
    const stopping = { status: 503, body: { status: 'not ready', reason: 'stopping' }, connection: 'close' }
    await expect.poll(() => ready(mcp)).toEqual(stopping)
    // At once: a slow machine has no time to lose before the end.
    const paths = [`${mcp}/health`, `${mcp}/mcp`, `${as}/.well-known/oauth-authorization-server`]
    const [other, ...statuses] = await Promise.all([ready(as), ...paths.map(answers)])
    expect(other).toEqual(stopping)
    expect(statuses).toEqual([200, 401, 200])
    expect(await ended).toBe(0)
    expect(performance.now() - told).toBeGreaterThan(5900)
    expect(output()).toContain('"drain_seconds":6')
    expect(output()).not.toContain('"level":"error"')
  })

  it('of the authorization server alone goes the same way', async () => {
    const { AUTH_SERVER_PORT } = await ports()
    const origin = `http://localhost:${AUTH_SERVER_PORT}`
    const { child, ended, output } = run(['authorization-server'], { AUTH_SERVER_PORT, DRAIN_SECONDS: '6' })
    await expect.poll(output).toContain('"started"')
    expect(await answers(`${origin}/ready`)).toBe(200)
    child.kill('SIGTERM')
    await expect.poll(() => ready(origin)).toMatchObject({ status: 503, body: { reason: 'stopping' } })
    expect(await answers(`${origin}/.well-known/oauth-authorization-server`)).toBe(200)
    expect(await ended).toBe(0)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('is at once when %s follows', async second => {
    const settings = await ports()
    const { child, ended, output } = run([], { ...settings, DRAIN_SECONDS: '300' })
    // It listens a moment before it listens to signals.
    await expect.poll(output).toContain('"started"')
    child.kill('SIGTERM')
    await expect.poll(output).toContain('stopping')
    child.kill(second)
    expect(await ended).toBe(1)
  })

  it('ends an open stream whole', async () => {
    const settings = await ports()
    const { file, key } = apiKey()
    const origin = `http://localhost:${settings.PORT}`
    const { child, ended, output } = run([], { ...settings, DRAIN_SECONDS: '0', AUTH_API_KEYS_FILE: file })
    await expect.poll(output).toContain('"started"')
    const headers = {
      Authorization: `Bearer ${key}`,
      Accept: 'application/json, text/event-stream',
      'Content-Type': 'application/json',
    }
    const clientInfo = { name: 'test', version: '1' }
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })
    const begun = await fetch(`${origin}/mcp`, { method: 'POST', headers, body })
    expect(begun.status).toBe(200)
    await begun.text()
    const session = { ...headers, 'Mcp-Session-Id': begun.headers.get('mcp-session-id') ?? '' }
    const stream = await fetch(`${origin}/mcp`, { headers: session })
    expect(stream.status).toBe(200)
    child.kill('SIGTERM')
    // A connection that is cut would reject.
    expect(await stream.text()).not.toContain('error')
    expect(await ended).toBe(0)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('by %s lets a request in flight finish and exits with 0', async signal => {
    const settings = await ports()
    const server = `http://localhost:${settings.PORT}`
    // The provider holds its answer back until the server has been told to stop.
    const provider = await listen((req, res) => {
      if (req.url?.startsWith('/.well-known/')) {
        res.setHeader('Content-Type', 'application/json')
        res.end(JSON.stringify({ issuer, introspection_endpoint: `${issuer}/introspect` }))
        return
      }
      held.push(() => res.setHeader('Content-Type', 'application/json').end('{"active":false}'))
    })
    onTestFinished(provider.close)
    const issuer = `http://127.0.0.1:${provider.port}`
    const held: (() => void)[] = []
    const { child, ended, output } = run([], {
      ...settings,
      DRAIN_SECONDS: '0',
      AUTH_MODE: 'separate',
      AUTH_SERVER_URL: issuer,
    })
    await expect.poll(() => answers(`${server}/health`)).toBe(200)
    const answer = fetch(`${server}/mcp`, { method: 'POST', headers: { Authorization: 'Bearer something' } })
    // One of the two is the start's own probe of the credentials.
    await expect.poll(() => held.length).toBe(2)
    child.kill(signal)
    await expect.poll(output).toContain('stopping')
    for (const release of held) release()
    expect((await answer).status).toBe(401)
    expect(await ended).toBe(0)
  })
})
