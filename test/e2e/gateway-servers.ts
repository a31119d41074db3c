import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { ResourceDeclaration } from 'idplug'
import { onTestFinished } from 'vitest'
import { defaultDeclaration } from '../../app/gateway/default-declaration.ts'
import type { IdentityChoice } from '../../app/gateway/identity.ts'
import { startGateway } from '../../app/gateway/start.ts'
import { createLogger } from '../../app/observe/log.ts'
import { loadConfiguration } from '../../config/load.ts'
import { freePort } from '../support/http.ts'
import { startProgram, untilServing } from '../support/program.ts'

const manifest = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json')
/** The program of `@modelcontextprotocol/server-everything`. */
export const everythingMain = join(dirname(manifest), 'dist/index.js')

/** `@modelcontextprotocol/server-everything` as a process of its own: a server that nobody here wrote. */
export async function startEverything(
  transport: 'streamableHttp' | 'sse' = 'streamableHttp',
): Promise<{ readonly url: string; kill(): Promise<void> }> {
  const port = await freePort()
  const program = startProgram([transport], { script: everythingMain, env: { PORT: String(port) } })
  const origin = `http://127.0.0.1:${port}`
  await untilServing(program, origin)
  const kill = async () => {
    program.child.kill('SIGKILL')
    await program.ended
  }
  return { url: `${origin}/${transport === 'sse' ? 'sse' : 'mcp'}`, kill }
}

export interface StartedGateway {
  readonly resource: string
  /** The lines of the log, parsed. */
  events(): Record<string, unknown>[]
}

export interface GatewaySettings {
  readonly declaration?: ResourceDeclaration
  readonly identity?: IdentityChoice
  /** What a target at a URL speaks. Default: Streamable HTTP. */
  readonly transport?: 'sse'
  readonly settings?: Readonly<Record<string, string>>
}

/** The gateway as the command starts it, with the demo sign-in, on free ports. */
export async function startGatewayTo(
  target: string | readonly [string, ...string[]],
  {
    declaration = defaultDeclaration('Everything'),
    identity = { kind: 'none' },
    transport,
    settings,
  }: GatewaySettings = {},
): Promise<StartedGateway> {
  const lines: string[] = []
  const logger = createLogger('info', { write: line => void lines.push(line) })
  const env = { PORT: String(await freePort()), AUTH_SERVER_PORT: String(await freePort()), ...settings }
  const declarations = { mcp: declaration }
  const configuration = loadConfiguration(env, { resources: declarations })
  const place =
    typeof target === 'string'
      ? ({ kind: 'url', url: target, ...(transport && { transport }) } as const)
      : ({ kind: 'command', command: target, env: {}, processPer: 'session' } as const)
  const running = await startGateway({ configuration, logger }, [
    { id: 'test', env, declarations, targets: { mcp: { place, identity } } },
  ])
  onTestFinished(running.close)
  return { resource: running.resource, events: () => lines.map(line => JSON.parse(line)) }
}
