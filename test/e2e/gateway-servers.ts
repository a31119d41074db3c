import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { ResourceDeclaration } from 'idplug'
import { onTestFinished, vi } from 'vitest'
import { defaultDeclaration } from '../../app/gateway/default-declaration.ts'
import { createHttpTarget, type HttpTargetOptions } from '../../app/gateway/http-target.ts'
import { startGateway } from '../../app/gateway/start.ts'
import { createLogger } from '../../app/observe/log.ts'
import { loadConfiguration } from '../../config/load.ts'
import { freePort } from '../support/http.ts'

/** `@modelcontextprotocol/server-everything` as a process of its own: a server that nobody here wrote. */
export async function startEverything(): Promise<{ readonly url: string; kill(): Promise<void> }> {
  const manifest = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json')
  const port = await freePort()
  const child = spawn(process.execPath, [join(dirname(manifest), 'dist/index.js'), 'streamableHttp'], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: 'ignore',
  })
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'close')
  }
  onTestFinished(kill)
  const url = `http://127.0.0.1:${port}/mcp`
  await vi.waitUntil(
    () =>
      fetch(url).then(
        () => true,
        () => false,
      ),
    { timeout: 20_000, interval: 50 },
  )
  return { url, kill }
}

export interface StartedGateway {
  readonly resource: string
  /** The lines of the log, parsed. */
  events(): Record<string, unknown>[]
}

/** The gateway as the command starts it, with the demo sign-in, on free ports. */
export async function startGatewayTo(
  url: string,
  options: Partial<HttpTargetOptions> & {
    readonly declaration?: ResourceDeclaration
    readonly settings?: Record<string, string>
  } = {},
): Promise<StartedGateway> {
  const { declaration = defaultDeclaration('Everything'), settings, ...others } = options
  const lines: string[] = []
  const logger = createLogger('info', { write: line => void lines.push(line) })
  const env = { PORT: String(await freePort()), AUTH_SERVER_PORT: String(await freePort()), ...settings }
  const declarations = { mcp: declaration }
  const configuration = loadConfiguration(env, { resources: declarations })
  const identity = { headersFor: async () => ({}), owns: () => false, close: async () => {} }
  const running = await startGateway({ configuration, env, logger }, declarations, {
    mcp: {
      name: 'everything',
      identity,
      open: () => createHttpTarget({ url: new URL(url), name: 'everything', logger, owns: identity.owns, ...others }),
    },
  })
  onTestFinished(running.close)
  return { resource: running.resource, events: () => lines.map(line => JSON.parse(line)) }
}
