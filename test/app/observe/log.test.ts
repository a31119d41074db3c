import { expect, it } from 'vitest'
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
