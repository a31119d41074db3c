import { expect, it } from 'vitest'
import { createLogger, jsonLines } from '../../../app/observe/log.ts'

it.each([
  ['upstream_rejected_us', 'error'],
  ['upstream_unavailable', 'warn'],
  ['access_ended', 'info'],
])('logs %s of a bridge at level %s', (event, level) => {
  const lines: string[] = []
  const observer = jsonLines(createLogger('info', { write: line => void lines.push(line) }))
  observer.authorizationServer?.(event, { reason: 'invalid_client' })
  expect(lines.map(line => JSON.parse(line))).toEqual([
    expect.objectContaining({ event, level, reason: 'invalid_client' }),
  ])
})
