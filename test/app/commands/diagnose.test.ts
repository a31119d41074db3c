import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Auth0Emulator } from '../../../emulators/auth0.ts'
import { runEmulator } from '../../../emulators/run.ts'
import { createClient } from '../../demo-as/support.ts'
import { startServers } from '../../e2e/servers.ts'
import { runProgram } from '../../support/program.ts'

/** Runs the command line to its end. */
const idplug = (args: readonly string[], { env = {}, input = '' }: { env?: object; input?: string } = {}) =>
  runProgram(args, { env: { ...env }, input })

async function auth0() {
  const { emulator, settings } = await runEmulator('auth0')
  onTestFinished(() => emulator.close())
  return { emulator: emulator as Auth0Emulator, env: settings }
}

const codesIn = (output: string) =>
  (JSON.parse(output) as { findings: { code: string }[] }).findings.map(({ code }) => code)

describe('idplug doctor', () => {
  test('prints findings with their cure within 80 columns and without colours, and exits with 0 without errors', async () => {
    const { env } = await auth0()
    const { code, stdout: out } = await idplug(['doctor'], { env })
    expect(out).toContain('tenant.registration_closed')
    expect(out).toContain('Dynamic Client Registration')
    expect(out).not.toContain('\u001b')
    // A long URL keeps its line.
    expect(out.split('\n').filter(line => line.length > 80 && /\S \S/.test(line))).toEqual([])
    expect(code).toBe(0)
  })

  test('exits with 1 and lists the findings as JSON when there is an error', async () => {
    const { code, stdout: out } = await idplug(['doctor', '--idp', 'auth0', '--json'])
    const { findings } = JSON.parse(out) as { findings: { code: string; seen: string }[] }
    expect(findings.map(found => found.code)).toContain('config.invalid')
    expect(code).toBe(1)
  })

  test('looks at a running server from outside, with its clients', async () => {
    const { resource } = await startServers()
    const { code, stdout: out } = await idplug(['doctor', resource])
    expect(out).toMatch(/Claude Code +connects/)
    expect(out).toMatch(/ChatGPT +fails/)
    expect(code).toBe(0)
  })

  test('looks behind a gateway by its file', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'idplug-')), 'gateway.json')
    const memory = { run: ['idplug-no-such-program'], name: 'Memory', scopes: {} }
    await writeFile(file, JSON.stringify({ resources: { memory } }))
    const { env } = await auth0()
    const { code, stdout: out } = await idplug(['doctor', '--gateway', file], {
      env: { ...env, PUBLIC_URL: 'http://localhost:3232' },
    })
    expect(out).toContain('gateway.command_missing')
    expect(out).toContain('tenant.registration_closed')
    expect(code).toBe(1)
  })

  test('looks behind a gateway by what it was started with: a URL, or a command after --', async () => {
    const missing = ['--json', '--', 'idplug-no-such-program', '--url', 'https://other.example/mcp']
    const inside = await idplug(['doctor', ...missing])
    expect(codesIn(inside.stdout)).toContain('gateway.command_missing')
    const { resource } = await startServers()
    const outside = await idplug(['doctor', resource, '--to', 'http://127.0.0.1:9/mcp', '--json'])
    // Beside a URL, the settings of the gateway may be set elsewhere.
    expect(codesIn(outside.stdout)).toEqual(['gateway.target_unreachable'])
    expect([inside.code, outside.code]).toEqual([1, 1])
  })

  test('attacks nothing without a yes', async () => {
    const { code, stderr: err } = await idplug(['doctor', 'https://mcp.example.com/mcp', '--attack'])
    expect(err).toContain('--yes')
    expect(code).toBe(2)
  })

  test.each([
    [['--nope']],
    [['http://mcp.example.com/mcp']],
    [['javascript:alert(1)']],
    [['-x']],
    [['--attack']],
    [['--client-secret-env', 'X']],
    [['--client-id', 'x', '--client-secret-env', 'NOT_SET']],
    [['--to', '127.0.0.1:8000/mcp']],
    [['--to', 'http://127.0.0.1:8000/mcp', '--gateway', 'gateway.json']],
    [['https://mcp.example.com/mcp', 'https://mcp.example.com/mcp']],
    [['https://mcp.example.com/mcp', '--stand-in', 'http://127.0.0.1:8000/mcp']],
  ])('exits with 2 for %j', async args => {
    const { code, stderr: err } = await idplug(['doctor', ...args])
    expect(err).toMatch(/^error: /)
    expect(code).toBe(2)
  })

  test.each(['doctor', 'explain'])('%s --help shows examples and exit codes', async command => {
    const { code, stdout: out } = await idplug([command, '--help'])
    expect(out).toContain('Examples:')
    expect(out).toContain('Exit codes: 0')
    expect(code).toBe(0)
  })
})

describe('idplug explain', () => {
  test('accepts a good token from standard input, and refuses another with its cure', async () => {
    const { emulator, env } = await auth0()
    const good = await idplug(['explain'], { env, input: `Bearer ${await emulator.mint()}\n` })
    expect(good.stdout).toContain('ACCEPTED')
    expect(good.code).toBe(0)
    const bad = await idplug(['explain', '-'], { env, input: emulator.mintOpaque() })
    expect(bad.stdout).toContain('auth0.no_api_requested')
    expect(bad.code).toBe(1)
  })

  test('warns when the token is an argument', async () => {
    const { emulator, env } = await auth0()
    const { stderr: err, stdout: out } = await idplug(['explain', await emulator.mint(), '--json'], { env })
    expect(err).toContain('history of your shell')
    expect(JSON.parse(out)).toMatchObject({ verdict: 'accepted' })
  })

  test('saves the keys, and verifies with them while the provider is down', async () => {
    const { emulator, env } = await auth0()
    const input = await emulator.mint()
    const path = join(await mkdtemp(join(tmpdir(), 'idplug-')), 'keys.json')
    expect((await idplug(['explain', '--save-keys', path], { env, input })).code).toBe(0)
    await emulator.close()
    expect((await idplug(['explain'], { env, input })).stdout).toContain('UNDECIDED')
    expect((await idplug(['explain', '--keys', path], { env, input })).stdout).toContain('ACCEPTED')
  })

  test('explains a refusal by the id that the client was told', async () => {
    const { resource, log } = await startServers()
    const refused = await fetch(resource, { method: 'POST', headers: { authorization: 'Bearer never-issued' } })
    const { request_id: id } = (await refused.json()) as { request_id: string }
    const path = join(await mkdtemp(join(tmpdir(), 'idplug-')), 'server.log')
    await writeFile(path, log())
    const asToken = await idplug(['explain', id])
    expect(asToken).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`idplug explain --id ${id} < server.log`),
    })
    const { code, stdout: out } = await idplug(['explain', '--id', id, '--log', path])
    expect(out).toContain('inactive')
    expect(out).toContain('not active')
    expect(code).toBe(1)
    expect((await idplug(['explain', '--id', 'nobody-1'], { input: log() })).stderr).toContain('No line of the log')
  })

  test.each([[[]], [['--keys', '/nonexistent.json']], [['--id', 'x', '--log', '/nonexistent.log']]])(
    'exits with 2 for %j without a token or with files that are not there',
    async args => {
      const { code, stderr: err } = await idplug(['explain', ...args], {
        input: args.includes('--keys') ? 'token' : '',
      })
      expect(err).toMatch(/^error: /)
      expect(code).toBe(2)
    },
  )
})

describe('idplug explain at the demo server', () => {
  const secret = 'a-secret-that-both-know'
  const settingsOf = ({ issuer, resource }: { issuer: string; resource: string }) => ({
    AUTH_SERVER_URL: issuer,
    AUTH_SERVER_PORT: new URL(issuer).port,
    PUBLIC_URL: new URL(resource).origin,
  })

  test('says that it needs the secret of the running server', async () => {
    const { code, stderr: err } = await idplug(['explain'], { env: settingsOf(await startServers()), input: 'a-token' })
    expect(err).toContain('DEMO_RS_CLIENT_SECRET is not set')
    expect(code).toBe(2)
  })

  test('needs no secret of it for a token of another provider', async () => {
    const { emulator, env } = await auth0()
    const both = { ...env, AUTH_PROVIDER: 'demo,auth0' }
    const { code, stdout: out } = await idplug(['explain'], { env: both, input: await emulator.mint() })
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('ACCEPTED') })
  })

  test('asks it with that secret, and sees for whom the token is', async () => {
    const servers = await startServers({ DEMO_RS_CLIENT_SECRET: secret })
    const client = createClient(servers.issuer)
    const { json: registered } = await client.register({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_post',
    })
    const { client_id, client_secret } = registered
    const { json } = await client.token({
      grant_type: 'client_credentials',
      client_id,
      client_secret,
      resource: servers.resource,
    })
    const env = { ...settingsOf(servers), DEMO_RS_CLIENT_SECRET: secret }
    const input = json.access_token
    expect((await idplug(['explain'], { env, input })).stdout).toContain('ACCEPTED')
    const elsewhere = { ...env, PUBLIC_URL: 'http://localhost:9' }
    const { stdout: out } = await idplug(['explain'], { env: elsewhere, input })
    expect(out).toContain('REFUSED  opaque  audience_mismatch')
    expect(out).toContain(servers.resource)
  })
})
