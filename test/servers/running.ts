import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished, vi } from 'vitest'
import { freePort } from '../support/http.ts'
import { argumentsOf, type Example, folderOf } from './examples.ts'
import type { Provider, SetUp } from './providers.ts'

/** Frameworks that would report to their makers. */
const QUIET = { NEXT_TELEMETRY_DISABLED: '1', WRANGLER_SEND_METRICS: 'false' }

export interface Running extends SetUp {
  /** URL of the MCP endpoint. */
  readonly url: string
  /** Everything that the process printed so far. */
  log(): string
}

/**
 * Starts an example as its package says, with no settings but those of the provider and of where it runs. Ended when the test ends.
 *
 * @param provider - Default: the example is the one without sign-in.
 */
export async function run(example: Example, provider?: Provider): Promise<Running> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const setUp: SetUp = (await provider?.setUp(origin)) ?? { env: {}, login: '' }
  onTestFinished(() => setUp.emulator?.close())
  const settings = { PUBLIC_URL: origin, ...setUp.env, ...example.env }
  const bindings = Object.entries(settings).flatMap(([name, value]) => ['--var', `${name}:${value}`])
  const { folder = folderOf(example.name) } = example
  const child = spawn(
    process.execPath,
    [
      ...argumentsOf(folder, provider ? (example.script ?? 'start') : 'plain'),
      ...(example.isWorker ? ['--port', String(port), ...bindings] : []),
    ],
    {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: String(port), ...settings, ...QUIET },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const ended = once(child, 'close')
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (log += chunk))
  onTestFinished(async () => {
    child.kill()
    await ended
  })
  const url = `${origin}/mcp`
  await vi.waitUntil(
    async () => {
      if (child.exitCode !== null) throw new Error(`${example.name} ended with ${child.exitCode}: ${log}`)
      // With sign-in this is answered once the provider is known.
      const address = provider ? `${origin}/.well-known/oauth-authorization-server` : url
      const response = await fetch(address).catch(() => undefined)
      await response?.body?.cancel()
      return provider ? response?.ok === true : response !== undefined
    },
    { timeout: 60_000, interval: 50 },
  )
  return { ...setUp, url, log: () => log }
}
