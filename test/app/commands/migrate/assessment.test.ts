import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { assess } from '../../../../app/commands/migrate/assessment.ts'
import { parseMetrics } from '../../../../app/commands/migrate/metrics-text.ts'
import { statusText } from '../../../../app/commands/migrate/status.ts'

const NOW = 1_800_000_000
const DAY = 86_400

/** Metrics of a process that began ten days ago. */
const page = (lines: string, startedAt = NOW - 10 * DAY) =>
  parseMetrics(`process_start_time_seconds ${startedAt}\n${lines}`)
const judge = (...pages: string[]) =>
  assess(
    pages.map(text => page(text)),
    { now: NOW, quietSeconds: 7 * DAY },
  )

const DEMO = 'idplug_provider_ready{provider="demo",role="active"} 1\n'
const SHADOW = `${DEMO}idplug_provider_ready{provider="auth0",role="shadow"} 1\n`
const ACCEPTS = `idplug_shadow_total{active="not_asked",shadow="accepted",reason=""} 1
idplug_shadow_last_timestamp_seconds{shadow="accepted"} ${NOW - 60}\n`
const refuses = (at: number) => `idplug_shadow_total{active="not_asked",shadow="refused",reason="auth0.other_api"} 3
idplug_shadow_last_timestamp_seconds{shadow="refused"} ${at}\n`

const both = (demoAt: number, auth0 = 5) => `${DEMO}idplug_provider_ready{provider="auth0",role="active"} 1
idplug_accepted_total{provider="demo"} 9
idplug_last_accepted_timestamp_seconds{provider="demo"} ${demoAt}
idplug_accepted_total{provider="auth0"} ${auth0}
idplug_last_accepted_timestamp_seconds{provider="auth0"} ${NOW - 5}\n`

describe('the state of a move', () => {
  it('with one provider has not begun', () => {
    expect(judge(DEMO)).toMatchObject({ phase: 'one', safe: false })
    expect(judge(DEMO)).not.toHaveProperty('next')
  })

  it('with a shadow that accepts its own tokens is ready for both', () => {
    expect(judge(SHADOW + ACCEPTS)).toMatchObject({ phase: 'shadow', safe: true, next: 'AUTH_PROVIDER=demo,auth0' })
  })

  it.each([
    ['cannot be reached', SHADOW.replace('"shadow"} 1', '"shadow"} 0') + ACCEPTS],
    ['No token of auth0 has been seen', SHADOW],
    ['would be refused (auth0.other_api)', SHADOW + ACCEPTS + refuses(NOW - 30)],
    [
      '4 requests that are accepted today would be refused',
      `${SHADOW + ACCEPTS}idplug_shadow_total{active="accepted",shadow="refused",reason="expired"} 4\n`,
    ],
  ])('with a shadow is not ready when %s', (finding, metrics) => {
    const assessment = judge(metrics)
    expect(assessment).toMatchObject({ safe: false })
    expect(assessment.findings.join('\n')).toContain(finding)
  })

  it('goes by the last try in the shadow, not by those that failed before', () => {
    expect(judge(SHADOW + ACCEPTS + refuses(NOW - 90)).safe).toBe(true)
  })

  it('counts a provider as ready only where every process reaches it', () => {
    expect(judge(SHADOW + ACCEPTS, SHADOW.replace('"shadow"} 1', '"shadow"} 0')).safe).toBe(false)
  })

  it('with both in force lets the old one go once none of its tokens was seen for long enough', () => {
    expect(judge(both(NOW - 8 * DAY))).toMatchObject({ phase: 'both', safe: true, next: 'AUTH_PROVIDER=auth0' })
  })

  it.each([
    ['The last token of demo was accepted 2 hours ago', [both(NOW - 2 * 3600)]],
    ['No token of auth0 has been accepted yet', [both(NOW - 8 * DAY, 0)]],
    // A token that one process has seen counts for all.
    ['The last token of demo was accepted 1 day ago', [both(NOW - 8 * DAY), both(NOW - DAY)]],
  ])('with both in force keeps the old one when: %s', (finding, pages) => {
    const assessment = judge(...pages)
    expect(assessment.safe).toBe(false)
    expect(assessment.findings.join('\n')).toContain(finding)
  })

  it('does not take a server that has just started for a quiet one', () => {
    const metrics = page(both(0), NOW - 60)
    const { safe, findings } = assess([metrics], { now: NOW, quietSeconds: 7 * DAY })
    expect(safe).toBe(false)
    expect(findings).toEqual([
      'The server has been counting for 1 minute only; wait until none was for 7 days (--quiet).',
    ])
  })

  it('is told within 80 columns', () => {
    for (const metrics of [DEMO, SHADOW + refuses(NOW), both(NOW)]) {
      const lines = stripVTControlCharacters(statusText(judge(metrics), NOW)).split('\n')
      expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(80)
    }
  })
})
