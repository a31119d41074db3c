import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { freePort } from '../../support/http.ts'
import { startProgram } from '../../support/program.ts'

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  startProgram(['gateway', ...args], { env: { AUTH_STORE: 'memory', ...env } })

describe('idplug gateway', () => {
  it.each([
    [[], 'give --to URL, a file, or a command after --'],
    [['--to', 'example'], 'Expected an absolute URL'],
    [['--to', 'http://user:secret@127.0.0.1/mcp'], 'no password'],
    [['--to', 'http://127.0.0.1/mcp', 'gateway.json'], 'keep one'],
    [['one.json', 'two.json'], 'give one file'],
    [['http://127.0.0.1:8000/mcp'], 'a URL stands behind --to: idplug gateway --to http://127.0.0.1:8000/mcp'],
    [['npx', 'some-server'], 'a command stands behind --: idplug gateway -- npx some-server'],
    [['npx', '-y', 'some-server'], 'Usage: idplug gateway [options] --to URL | FILE | -- COMMAND...'],
    [['one.json', '--', 'node'], 'a file and a command are both given'],
    [['--transport', 'sse', '--', 'node'], '--transport is for a server at a URL'],
    [['gateway.json', '--identity', 'none'], '--identity is for a server that --to or a command names'],
    [['gateway.json', '--credential-env', 'KEY'], '--credential-env is for a server that'],
    [['gateway.json', '--pass', 'HOME'], '--pass is for a server that'],
    [['gateway.json', '--name', 'Files'], '--name is for one server'],
    [['--to', 'http://127.0.0.1/mcp', '--pass', 'HOME'], '--pass is for a command'],
    [['--to', 'http://127.0.0.1/mcp', '--force'], '--force is for --scan'],
    [['--to', 'http://127.0.0.1/sse', '--transport', 'websocket'], 'Allowed choices are http, sse'],
  ])('refuses %j with 2', async (args, words) => {
    const { ended, output } = run(args)
    expect(await ended).toBe(2)
    expect(output()).toContain(words)
    expect(output()).not.toContain('    at ')
  })

  it.each([
    ['gateway', '--to', 'http://127.0.0.1:9/mcp'],
    ['forward-auth', '--identity', 'assertion'],
  ])('does not start with a file of assertion keys that cannot be used: %s', async (...args) => {
    const folder = mkdtempSync(join(tmpdir(), 'gateway-keys-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'assertion-keys.json'), 'half of i')
    const env = { AUTH_STORE: 'memory', AUTH_DATA_DIR: folder, PUBLIC_URL: 'http://localhost:8080' }
    const { ended, output } = startProgram(args, { env })
    expect(await ended).toBe(1)
    expect(output()).toMatch(/AUTH_DATA_DIR: .*assertion-keys\.json does not hold the keys of a gateway/)
  })

  it('starts with nothing configured, and ends with SIGTERM', async () => {
    const [PORT, AUTH_SERVER_PORT] = [String(await freePort()), String(await freePort())]
    const { child, ended, output } = run(['--to', 'http://127.0.0.1:9/mcp'], {
      PORT,
      AUTH_SERVER_PORT,
      DRAIN_SECONDS: '0',
    })
    const url = `http://localhost:${PORT}`
    const answers = async () => (await fetch(`${url}/ready`).catch(() => undefined))?.status
    await vi.waitUntil(async () => (await answers()) === 200)
    const refused = await fetch(`${url}/mcp`, { method: 'POST' })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toContain('scope="mcp"')
    const metadata = (await (await fetch(`${url}/.well-known/oauth-protected-resource/mcp`)).json()) as object
    expect(metadata).toMatchObject({ resource: `${url}/mcp`, scopes_supported: ['mcp'] })
    // It listens a moment before it listens to signals.
    await vi.waitUntil(() => output().includes('"event":"started"'))
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  it('serves each resource of a file at its own path, with a provider of its own', async () => {
    const [PORT, AUTH_SERVER_PORT] = [String(await freePort()), String(await freePort())]
    const folder = mkdtempSync(join(tmpdir(), 'gateway-file-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'gateway.json')
    const resource = { to: `http://127.0.0.1:${await freePort()}/mcp`, scopes: {} }
    const settings = { AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL: 'http://localhost:9' }
    writeFileSync(
      file,
      JSON.stringify({ resources: { one: { ...resource, name: 'One', settings }, two: { ...resource, name: 'Two' } } }),
    )
    const url = `http://localhost:${PORT}`
    const { output } = run([file], { PORT, AUTH_SERVER_PORT })
    const answers = async () => (await fetch(`${url}/health`).catch(() => undefined))?.status
    await vi.waitUntil(async () => (await answers()) === 200)
    const metadata = async (name: string) =>
      (await (await fetch(`${url}/.well-known/oauth-protected-resource/${name}/mcp`)).json()) as {
        resource: string
        authorization_servers: string[]
      }
    expect(await metadata('one')).toMatchObject({
      resource: `${url}/one/mcp`,
      authorization_servers: ['http://localhost:9'],
    })
    expect(await metadata('two')).toMatchObject({
      resource: `${url}/two/mcp`,
      authorization_servers: [`http://localhost:${AUTH_SERVER_PORT}`],
    })
    for (const name of ['one', 'two']) expect((await fetch(`${url}/${name}/mcp`, { method: 'POST' })).status).toBe(401)
    expect((await fetch(`${url}/mcp`, { method: 'POST' })).status).toBe(404)
    // Nothing is there, and what to change stands in the file.
    await vi.waitUntil(() => output().includes('Start it, or correct its URL (to).'))
  })
})
