import { describe, expect, it, onTestFinished } from 'vitest'
import { createProgram } from '../../../app/commands/index.ts'
import { freePort, listen } from '../../support/http.ts'
import { startProgram } from '../../support/program.ts'

const idplug = (...args: string[]) => startProgram(args)

describe('idplug emulate', () => {
  it('runs the emulator at the port, says how to start a server beside it, and stops when told to', async () => {
    const port = await freePort()
    const { child, ended, output } = idplug('emulate', 'auth0', '--port', String(port))
    await expect.poll(output).toMatch(/AUTH_PROVIDER='auth0' AUTH_METADATA_URL='http:\/\/localhost:\S+' npx idplug$/m)
    expect(output()).toContain(
      "npx idplug login 'http://localhost:3232/mcp' --client-id 'native' --redirect-uri 'http://localhost:8766/callback'",
    )
    const metadata = await fetch(`http://localhost:${port}/.well-known/openid-configuration`)
    expect(await metadata.json()).toMatchObject({ issuer: `http://localhost:${port}/` })
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  it('prints all that a bridge, a client and a machine need', async () => {
    const callback = 'https://client.example.com/callback'
    const { child, ended, output } = idplug(
      ...['emulate', 'okta', '--bridge', 'http://localhost:3001', '--redirect-uri', callback],
      ...['--fault', 'rotate,empty-400', '--scopes', 'files:read files:write'],
    )
    await expect.poll(output).toContain('curl -X POST http://localhost:')
    for (const words of [
      "AUTH_PROVIDER='okta'",
      "AUTH_BRIDGE='on' BRIDGE_CLIENT_ID='bridge' BRIDGE_CLIENT_SECRET='bridge-secret' BRIDGE_ALLOW='everyone' BRIDGE_GRANT_SCOPES='files:read files:write'",
      'Its users: ada@example.com, cleo@example.com.',
      `A client of yours uses the client id native, without a secret, and ${callback}.`,
    ]) {
      expect(output()).toContain(words)
    }
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  it('says when the port is taken and exits with 1', async () => {
    const taken = await listen(() => {})
    onTestFinished(taken.close)
    const { ended, output } = idplug('emulate', 'auth0', '--port', String(taken.port))
    expect(await ended).toBe(1)
    expect(output()).toMatch(/^The emulator cannot listen: .*EADDRINUSE/)
  })

  it.each([
    [],
    ['auth1'],
    ['auth0', 'okta'],
    ['auth0', '--port', 'http'],
    ['auth0', '--fault', 'rotat'],
    ['auth0', '--redirect-uri', '/callback'],
    ['auth0', '--hots', 'x'],
  ])('explains itself and exits with 2 when called with %j', async (...args) => {
    const { ended, output } = idplug('emulate', ...args)
    expect(await ended).toBe(2)
    if (args[0] === 'auth1') expect(output()).toContain('there is no emulator for auth1 (did you mean auth0?)')
    if (args[0] === 'auth1')
      expect(output()).toContain('there are auth0, azure, github, google, introspection, oidc, okta')
    else expect(output()).toContain('Usage: idplug emulate [options] <provider>\nidplug emulate --help says more.\n')
  })
})

it('a command that there is not exits with 2', async () => {
  const { ended, output } = idplug('emulat')
  expect(await ended).toBe(2)
  expect(output()).toContain("unknown command 'emulat'")
  expect(output()).toContain('Did you mean emulate?')
  expect(output()).toContain('idplug --help lists the commands.')
})

it.each([
  [['start'], 'Without a command the MCP server starts'],
  [['--port', '4000'], 'with the settings of the environment\nand of .env (docs/settings.md), such as PORT=4000.'],
  [['call', 'http://localhost:1/mcp'], 'Usage: idplug call [options] <url> <tool> [arguments...]'],
  [['sessions', 'show'], 'Usage: idplug sessions [options] [command]: list, end'],
  [['sessions', 'list', '--limt', '1'], 'Usage: idplug sessions list [options]'],
])('%j says how it is done in place of a whole help, and exits with 2', async (args, usage) => {
  const { ended, output } = idplug(...args)
  expect(await ended).toBe(2)
  expect(output()).toContain(usage)
  expect(output().split('\n').length).toBeLessThan(8)
})

it('ends quietly when nobody reads its output any more', async () => {
  const { child, stderr, ended } = idplug('--help')
  child.stdout.destroy()
  expect({ code: await ended, complaints: stderr() }).toEqual({ code: 0, complaints: '' })
})

it('--help names every command, and --version the version of the package', async () => {
  const help = idplug('--help')
  expect(await help.ended).toBe(0)
  for (const command of ['call', 'doctor', 'emulate', 'explain', 'init', 'keys', 'login', 'logout', 'migrate']) {
    expect(help.output()).toMatch(new RegExp(`^  ${command} `, 'm'))
  }
  expect(help.output()).toContain('Without a command the MCP server starts')
  expect(
    help
      .output()
      .split('\n')
      .filter(line => line.length > 80),
  ).toEqual([])
  const asked = idplug('--version')
  expect(await asked.ended).toBe(0)
  expect(asked.output()).toMatch(/^\d+\.\d+\.\d+\n$/)
})

it('the help of every command fits into 80 columns', async () => {
  const { commands } = await createProgram()
  for (const command of commands.flatMap(each => [each, ...each.commands])) {
    let help = ''
    command.configureOutput({ writeOut: text => (help += text), getOutHelpWidth: () => 80 }).outputHelp()
    expect(
      help.split('\n').filter(line => line.length > 80),
      command.name(),
    ).toEqual([])
  }
})
