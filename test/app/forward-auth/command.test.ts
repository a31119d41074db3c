import { describe, expect, it } from 'vitest'
import { freePort } from '../../support/http.ts'
import { startProgram } from '../../support/program.ts'

const forwardAuth = (env: Record<string, string>, ...args: string[]) => startProgram(['forward-auth', ...args], { env })

describe('idplug forward-auth', () => {
  it('answers proxies of this machine, and stops when told to', async () => {
    const port = String(await freePort())
    const { child, ended, output } = forwardAuth({
      PORT: port,
      PUBLIC_URL: 'http://localhost:8080',
      DRAIN_SECONDS: '0',
    })
    await expect.poll(output).toContain('"event":"started"')
    expect(output()).not.toContain('Warning')
    const ask = await fetch(`http://127.0.0.1:${port}/forward-auth`, {
      headers: { 'x-forwarded-method': 'POST', 'x-forwarded-uri': '/mcp', 'x-forwarded-host': 'localhost:8080' },
    })
    expect([ask.status, ask.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer resource_metadata="http://localhost:8080/.well-known/oauth-protected-resource/mcp"',
    ])
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(output()).toContain('"trusted_proxies":["127.0.0.0/8","::1"]')
  })

  it('asks for the address of the proxy', async () => {
    const { ended, output } = forwardAuth({})
    expect(await ended).toBe(1)
    expect(output()).toMatch(/PUBLIC_URL.*is not set: name the URL of the proxy/s)
  })

  it('warns of nothing with a real provider', async () => {
    const { output } = forwardAuth({
      PORT: String(await freePort()),
      PUBLIC_URL: 'https://mcp.example.com',
      AUTH_PROVIDER: 'oidc',
      AUTH_METADATA_URL: `http://localhost:${await freePort()}`,
    })
    await expect.poll(output).toContain('"event":"started"')
    expect(output()).not.toContain('Warning')
  })

  it('explains itself and exits with 2 when called with an argument', async () => {
    const { ended, output } = forwardAuth({}, 'nginx')
    expect(await ended).toBe(2)
    expect(output()).toContain('idplug forward-auth --help says more.')
  })
})
