import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Fixture, startFixture } from './fixture.ts'
import { requiredOf, runSuite, type SuiteRun } from './suite.ts'

const RUN_MILLISECONDS = 300_000

describe.each([
  { revision: '2025-11-25', count: 30, unscored: ['server-session-lifecycle', 'server-sse-polling'] },
  { revision: '2026-07-28', count: 37, unscored: ['http-header-validation', 'http-custom-header-server-validation'] },
])('the official conformance suite for $revision, behind the bearer check', ({ revision, count, unscored }) => {
  let fixture: Fixture
  let run: SuiteRun
  beforeAll(async () => {
    fixture = await startFixture()
    run = await runSuite(['server', '--url', fixture.url, '--requirements', revision])
  }, RUN_MILLISECONDS)
  afterAll(() => fixture.close())

  it(`passes ${count} of ${count} required scenarios without a warning`, async () => {
    const required = await requiredOf('server', revision)
    expect(run.shortcomings.filter(({ scenario }) => required.includes(scenario))).toEqual([])
    expect(required.filter(scenario => run.passed.has(scenario))).toHaveLength(count)
    expect(required).toHaveLength(count)
    expect(run.exitCode, run.output).toBe(0)
  })

  it.each(unscored)('passes %s, which the suite runs without counting it', scenario => {
    expect(run.shortcomings.filter(check => check.scenario === scenario && check.status === 'FAILURE')).toEqual([])
    expect(run.passed).toContain(scenario)
  })

  it('serves the suite by its token only, and without an internal error', async () => {
    const accepted = fixture.decisions.filter(({ outcome }) => outcome === 'accepted')
    expect(new Set(accepted.map(({ token }) => token?.subject))).toEqual(new Set(['user-1']))
    const refused = fixture.decisions.flatMap(decision =>
      decision.outcome === 'refused' ? [decision.reason?.kind] : [],
    )
    expect(new Set(refused)).toEqual(new Set(['host_not_served']))
    expect(fixture.errors).toEqual([])
    const madeUp = await fetch(fixture.resource, { method: 'POST', headers: { Authorization: 'Bearer made-up' } })
    expect(madeUp.status).toBe(401)
  })
})
