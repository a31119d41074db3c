import { onTestFinished } from 'vitest'
import { loadConfiguration } from '../../config/load.ts'
import { type Running, start } from '../../src/cli/start.ts'
import { createLogger } from '../../src/observe/log.ts'
import { freePort } from '../support/http.ts'

export interface Started extends Running {
  /** The only issuer whose tokens are accepted. */
  readonly issuer: string
  /** Everything that was logged so far, one JSON text a line. */
  log(): string
  /** Value of a metric line, labels as they are written; 0 when there is none. */
  metric(line: string): Promise<number>
}

/** `npm start` with the given settings, on free ports. Stopped when the test ends. */
export async function startServers(settings: Record<string, string> = {}): Promise<Started> {
  const env = { PORT: String(await freePort()), AUTH_SERVER_PORT: String(await freePort()), ...settings }
  const lines: string[] = []
  const running = await start(
    await loadConfiguration(env),
    {},
    createLogger('info', { write: line => void lines.push(line) }),
  )
  onTestFinished(running.close)
  return {
    ...running,
    issuer: running.issuers[0] ?? '',
    log: () => lines.join(''),
    async metric(line) {
      const text = await (await fetch(new URL('/metrics', running.resource))).text()
      const found = text.split('\n').find(candidate => candidate.startsWith(`${line} `))
      return Number(found?.slice(line.length + 1) ?? 0)
    },
  }
}
