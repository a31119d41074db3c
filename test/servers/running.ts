import { onTestFinished } from 'vitest'
import { freePort } from '../support/http.ts'
import { startProgram, untilServing } from '../support/program.ts'
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
  const [script = '', ...args] = argumentsOf(folder, provider ? (example.script ?? 'start') : 'plain')
  const program = startProgram([...args, ...(example.isWorker ? ['--port', String(port), ...bindings] : [])], {
    script,
    cwd: folder,
    env: { HOME: process.env.HOME, PORT: String(port), ...settings, ...QUIET },
  })
  // Before it is killed: wrangler ends what it started itself.
  onTestFinished(async () => {
    program.child.kill()
    await program.ended
  })
  const url = `${origin}/mcp`
  // With sign-in this is answered once the provider is known.
  const address = provider ? `${origin}/.well-known/oauth-authorization-server` : url
  await untilServing(program, address, { isReady: ({ ok }) => ok || !provider, timeout: 60_000 })
  return { ...setUp, url, log: program.output }
}
