import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it, vi } from 'vitest'
import { createLogger, jsonLines } from '../../../app/observe/log.ts'

it.each([
  ['upstream_rejected_us', undefined, 'error'],
  ['upstream_session_unreadable', undefined, 'error'],
  ['upstream_unavailable', undefined, 'warn'],
  ['upstream_behind', undefined, 'warn'],
  ['upstream_without_refresh_token', undefined, 'warn'],
  ['access_ended', 'nobody', 'info'],
  ['sign_in_refused', 'not_allowed', 'info'],
  ['sign_in_refused', 'away', 'warn'],
  ['sign_in_refused', 'behind', 'warn'],
  ['sign_in_refused', 'rejected_us', 'error'],
])('logs %s (%s) of a bridge at level %s', (event, outcome, level) => {
  const lines: string[] = []
  const observer = jsonLines(createLogger('info', { write: line => void lines.push(line) }))
  observer.authorizationServer?.(event, { outcome, reason: 'invalid_client' })
  expect(lines.map(line => JSON.parse(line))).toEqual([
    expect.objectContaining({ event, level, reason: 'invalid_client' }),
  ])
})

it.each([
  ['is told to', 'process.exit()'],
  ['fails', 'throw new Error("of the test")'],
  ['has nothing left to do', ''],
])('writes every line before a process ends that %s', async (_how, ending) => {
  const log = new URL('../../../app/observe/log.ts', import.meta.url).href
  const program = `
    const { createLogger } = await import(${JSON.stringify(log)})
    const logger = createLogger('info')
    for (let line = 0; line < 500; line++) logger.info({ event: 'of_the_test', line, filler: 'é'.repeat(80) })
    ${ending}`
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.map(line => JSON.parse(line).line)).toEqual(Array.from({ length: 500 }, (_, line) => line))
})

it('says when each line was written, also of many in a millisecond', () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 30, 12), toFake: ['Date'] })
  try {
    const times: string[] = []
    const logger = createLogger('info', { write: line => void times.push(JSON.parse(line).time) })
    logger.info({})
    logger.info({})
    vi.setSystemTime(Date.UTC(2026, 10, 30, 12, 0, 0, 1))
    logger.info({})
    vi.setSystemTime(Date.UTC(2026, 10, 30, 12))
    logger.info({})
    expect(times).toEqual(['000', '000', '001', '000'].map(milliseconds => `2026-11-30T12:00:00.${milliseconds}Z`))
  } finally {
    vi.useRealTimers()
  }
})
