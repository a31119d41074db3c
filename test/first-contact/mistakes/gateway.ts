import { expect } from 'vitest'
import { freePort } from '../../support/http.ts'
import type { Mistake } from '../mistake.ts'
import { idplug } from '../runs.ts'
import { answering, gatewayBefore, gatewayTo } from '../worlds.ts'

type Place = Parameters<typeof gatewayBefore>[0]

/** What the gateway says of its target at the start, before anybody signs in. */
async function start(target: string | Place): Promise<string> {
  const { logged } = await (typeof target === 'string' ? gatewayTo(target) : gatewayBefore(target))
  await expect
    .poll(logged)
    .not.toBe('')
    .catch(() => {})
  return logged() || 'The gateway starts.'
}

/** `idplug gateway` in front of a server that is not as it is thought to be. */
export const gateways: readonly Mistake[] = [
  {
    mistake: 'The server behind the gateway does not run',
    run: 'idplug gateway --to URL',
    cause: 'http://127.0.0.1:…/mcp cannot be reached (ECONNREFUSED)',
    fix: 'Start it, or correct its URL (--to)',
    see: async () => start(`http://127.0.0.1:${await freePort()}/mcp`),
  },
  {
    mistake: 'The endpoint of the server behind the gateway has another path',
    run: 'idplug gateway --to URL',
    cause: 'there is nothing at http://127.0.0.1:…/mcp (status 404)',
    fix: 'Correct the path of its URL (--to)',
    see: async () => start(await answering(404)),
  },
  {
    mistake: 'The server behind the gateway wants a token of its own',
    run: 'idplug gateway --to URL',
    cause: 'wants a credential of its own (status 401)',
    fix: 'Give it one with --credential-env, or turn its sign-in off',
    see: async () => start(await answering(401, { 'www-authenticate': 'Bearer' })),
  },
  {
    mistake: 'There is a web page where the gateway expects an MCP server',
    run: 'idplug gateway --to URL',
    cause: 'answers with text/html',
    fix: 'Correct the path of its URL (--to)',
    see: async () => start(await answering(200, { 'content-type': 'text/html' })),
  },
  {
    mistake: 'The command behind the gateway is not installed',
    run: 'idplug gateway -- COMMAND',
    cause: 'there is no command no-such-server in PATH',
    fix: 'Install it, or correct its name',
    see: () => start({ kind: 'command', command: ['no-such-server'], env: {}, processPer: 'session' }),
  },
  {
    mistake: 'The URL of the target without `--to`',
    run: 'idplug gateway URL',
    cause: 'a URL stands behind --to',
    fix: 'idplug gateway --to http://127.0.0.1:8000/mcp',
    see: () => idplug(['gateway', 'http://127.0.0.1:8000/mcp']),
  },
  {
    mistake: 'A command without `--` in front of it',
    run: 'idplug gateway COMMAND',
    cause: 'a command stands behind --',
    fix: 'idplug gateway -- uvx some-server',
    see: () => idplug(['gateway', 'uvx', 'some-server']),
  },
  {
    mistake: 'The target without a scheme: `--to 127.0.0.1:8000/mcp`',
    run: 'idplug gateway --to URL',
    cause: '127.0.0.1:8000/mcp',
    fix: 'http://127.0.0.1:8000/mcp',
    see: () => idplug(['gateway', '--to', '127.0.0.1:8000/mcp']),
  },
]
