import { ConfigError, type ObservedProvider } from 'idplug'
import { expect, it, onTestFinished, vi } from 'vitest'
import { notes } from '../../../app/notes/declaration.ts'
import { createLogger } from '../../../app/observe/log.ts'
import { createPort } from '../../../app/serve/port.ts'
import { loadConfiguration } from '../../../config/load.ts'
import { freePort } from '../../support/http.ts'

it('a provider in the shadow whose settings are wrong stops nothing, and the log says what is wrong', async () => {
  const env = { PORT: String(await freePort()), AUTH_MODE: 'separate' }
  const lines: string[] = []
  const logger = createLogger('info', { write: line => void lines.push(line) })
  const metrics = { handles: () => false, handler: () => {}, open: async () => {}, close: async () => {} }
  const configuration = loadConfiguration(env, { resources: { notes } })
  const surroundings = { configuration, logger, stopping: new AbortController().signal }
  const port = createPort(
    surroundings,
    (_request, response) => response.end(),
    metrics,
    error => expect.fail(`${error}`),
  )
  onTestFinished(() => port.close())
  const unheard = vi.fn<(reason: unknown) => void>()
  process.on('unhandledRejection', unheard)
  onTestFinished(() => void process.off('unhandledRejection', unheard))
  const warmUp = () => Promise.reject(new ConfigError([{ setting: 'AUTH_CONFIG', problem: 'names no metadata' }]))
  const shadow: ObservedProvider = {
    name: 'oidc',
    role: 'shadow',
    validator: { issuers: ['https://id.example'], warmUp },
  }
  await port.open([], { shadows: [shadow] })
  await vi.waitUntil(() => lines.length > 0)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'error',
    event: 'provider_not_ready',
    issuers: ['https://id.example'],
    reason: expect.stringContaining('AUTH_CONFIG: names no metadata'),
  })
  await new Promise(setImmediate)
  expect(unheard).not.toHaveBeenCalled()
})
