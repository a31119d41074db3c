import { onTestFinished } from 'vitest'
import { freePort } from '../support/http.ts'
import { startProgram, untilServing } from '../support/program.ts'
import { commandOf, type Example } from './examples.ts'
import type { Provider, SetUp } from './providers.ts'

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
  const { args: all, cwd, env } = commandOf(example, port, setUp.env, provider === undefined)
  const [script, ...args] = all
  const program = startProgram(args, { script, cwd, env })
  // Before it is killed: wrangler ends what it started itself.
  onTestFinished(async () => {
    program.child.kill()
    await program.ended
  })
  const url = `${origin}/mcp`
  // With sign-in this is answered once the provider is known.
  const address = provider ? `${origin}/.well-known/oauth-authorization-server` : url
  await untilServing(program, address, {
    isReady: ({ ok }) => ok || !provider,
    // wrangler took more than a minute on two busy cores.
    timeout: 300_000,
  })
  return { ...setUp, url, log: program.output }
}
