import { clockAhead } from '../support/clock-ahead.ts'
import { freePort } from '../support/http.ts'
import { type Program, startProgram, untilServing } from '../support/program.ts'
import { type RedisServer, redisForTest } from '../support/redis.ts'
import { balance } from './balancer.ts'

export interface Processes {
  readonly resource: string
  readonly issuer: string
  /** Everything that all of them wrote. */
  log(): string
  /**
   * Ends all processes as a crash would, and starts new ones on the same ports.
   *
   * @param secondsLater - How far their clocks are ahead of the real one. Default 0.
   */
  restart(secondsLater?: number): Promise<void>
}

/**
 * `npm start` twice, on one Redis, behind a load balancer that hands every request to the next of the two, whatever it is about.
 * Stopped when the test ends.
 */
export async function startProcesses(
  settings: Record<string, string> = {},
): Promise<Processes & { readonly redis: RedisServer }> {
  const redis = await redisForTest(['--appendonly', 'yes', '--appendfsync', 'always'])
  return { ...(await startProcessesOn({ REDIS_URL: redis.url }, settings)), redis }
}

/**
 * The same on another store.
 *
 * @param count - Of processes; one for a store that they do not share.
 */
export async function startProcessesOn(
  store: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>> = {},
  count = 2,
): Promise<Processes> {
  const ports = await Promise.all(
    Array.from({ length: count }, async () => ({ mcp: await freePort(), as: await freePort() })),
  )
  const [mcp, as] = await Promise.all([balance(ports.map(({ mcp }) => mcp)), balance(ports.map(({ as }) => as))])
  const [publicUrl, issuer] = [`http://localhost:${mcp}`, `http://localhost:${as}`]
  const common = {
    PUBLIC_URL: publicUrl,
    AUTH_SERVER_URL: issuer,
    ...store,
    DEMO_RS_CLIENT_SECRET: 'the-same-secret-for-all-processes',
    MCP_SESSIONS: 'off',
    ...settings,
  }
  const all: Program[] = []
  let running: Program[] = []

  async function run(secondsLater = 0): Promise<void> {
    const clock = secondsLater > 0 && { NODE_OPTIONS: clockAhead(secondsLater) }
    const started = ports.map(({ mcp, as }) => {
      const program = startProgram([], {
        env: { ...common, ...clock, PORT: String(mcp), AUTH_SERVER_PORT: String(as) },
      })
      return { program, url: `http://127.0.0.1:${mcp}/ready` }
    })
    running = started.map(({ program }) => program)
    all.push(...running)
    for (const { program, url } of started) await untilServing(program, url, { isReady: ({ ok }) => ok })
  }
  async function kill(): Promise<void> {
    for (const { child, ended } of running) {
      child.kill('SIGKILL')
      await ended
    }
  }
  await run()
  return {
    resource: `${publicUrl}/mcp`,
    issuer,
    log: () => all.map(({ output }) => output()).join(''),
    async restart(secondsLater) {
      await kill()
      await run(secondsLater)
    },
  }
}
