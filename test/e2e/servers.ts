import { randomBytes } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { notes } from '../../app/notes/declaration.ts'
import { createLogger } from '../../app/observe/log.ts'
import { type Running, start } from '../../app/serve/start.ts'
import { loadConfiguration } from '../../config/load.ts'
import { freePort } from '../support/http.ts'
import { redisForTest } from '../support/redis.ts'
import { balance } from './balancer.ts'

/** Some servers of the tests have a public name. */
const METRICS_TOKEN = 'token-for-the-metrics'

export interface Started extends Running {
  /** The only issuer whose tokens are accepted. */
  readonly issuer: string
  /** Everything that was logged so far, one JSON text a line. */
  log(): string
  /** How many run behind the same address. */
  readonly instances: number
  /** Value of a metric line, labels as they are written, summed over the instances; 0 when there is none. */
  metric(line: string): Promise<number>
}

/**
 * `npm start` with the given settings, on free ports. Stopped when the test ends. In the test project `alternating` these are two
 * that share a Redis and nothing else, with a load balancer before them that hands each request to the other one.
 */
export async function startServers(settings: Record<string, string> = {}): Promise<Started> {
  const lines: string[] = []
  const logger = createLogger('info', { write: line => void lines.push(line) })
  const begin = async (env: Record<string, string>) => {
    const running = await start({ configuration: loadConfiguration(env, { resources: { notes } }), env, logger })
    onTestFinished(running.close)
    return running
  }
  const ports = { PORT: String(await freePort()), AUTH_SERVER_PORT: String(await freePort()) }
  const environments = process.env.E2E_ALTERNATING
    ? await twoBehindBalancers(ports, settings)
    : [{ ...ports, ...settings }]
  for (const env of environments) env.METRICS_TOKEN = METRICS_TOKEN
  const running: Running[] = []
  for (const env of environments) running.push(await begin(env))
  const [first] = running as [Running]
  return {
    ...first,
    close: async () => void (await Promise.all(running.map(({ close }) => close()))),
    issuer: first.issuers[0] ?? '',
    instances: running.length,
    log: () => lines.join(''),
    async metric(line) {
      const headers = { Authorization: `Bearer ${METRICS_TOKEN}` }
      const values = environments.map(async ({ PORT }) => {
        const text = await (await fetch(`http://127.0.0.1:${PORT}/metrics`, { headers })).text()
        const found = text.split('\n').find(candidate => candidate.startsWith(`${line} `))
        return Number(found?.slice(line.length + 1) ?? 0)
      })
      return (await Promise.all(values)).reduce((sum, value) => sum + value, 0)
    },
  }
}

/** The balancers take the ports that the settings name, since that is where clients and providers look. */
async function twoBehindBalancers(
  free: Record<'PORT' | 'AUTH_SERVER_PORT', string>,
  settings: Record<string, string>,
): Promise<Record<string, string>[]> {
  const { AUTH_SERVER_PORT, PORT } = { ...free, ...settings }
  const behind = await Promise.all(
    [0, 1].map(async () => ({ PORT: String(await freePort()), AUTH_SERVER_PORT: String(await freePort()) })),
  )
  await balance(
    behind.map(ports => Number(ports.PORT)),
    Number(PORT),
  )
  // One that is a process of its own is the business of the test.
  const behindOne = settings.AUTH_MODE === 'separate' ? undefined : behind.map(ports => Number(ports.AUTH_SERVER_PORT))
  if (behindOne) await balance(behindOne, Number(AUTH_SERVER_PORT))
  const redis = await redisForTest()
  const embedded = settings.AUTH_MODE === 'embedded'
  const shared = {
    PUBLIC_URL: `http://localhost:${PORT}`,
    ...(!embedded && { AUTH_SERVER_URL: `http://localhost:${AUTH_SERVER_PORT}` }),
    REDIS_URL: redis.url,
    ...(settings.AUTH_BRIDGE && { BRIDGE_KEYS: randomBytes(32).toString('base64') }),
    MCP_SESSIONS: 'off',
  }
  return behind.map(({ PORT, AUTH_SERVER_PORT }) => ({
    ...shared,
    ...settings,
    PORT,
    ...(behindOne && { AUTH_SERVER_PORT }),
  }))
}
