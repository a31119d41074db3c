import { expect, it, onTestFinished } from 'vitest'
import { startGatewayTo } from '../e2e/gateway-servers.ts'
import { createMcpUser } from '../e2e/mcp-user.ts'
import { startFixture } from './fixture.ts'
import { requiredOf, runSuite, type SuiteRun } from './suite.ts'
import { startTokenProxy } from './token-proxy.ts'

const RUN_MILLISECONDS = 300_000

/** The suite's own server behind the gateway, as `idplug gateway --to` starts it. What passes gets a token of the demo sign-in. */
async function startGateway() {
  const fixture = await startFixture()
  onTestFinished(fixture.close)
  const gateway = await startGatewayTo(fixture.url)
  const ada = createMcpUser('1.x', gateway.resource, 'ada')
  await ada.connect()
  const token = ada.memory.accessToken
  await ada.close()
  const proxy = await startTokenProxy(new URL(gateway.resource).origin, token as string)
  onTestFinished(proxy.close)
  return { direct: fixture.url, through: `${proxy.origin}/mcp`, fixture, gateway }
}

/** Failures and warnings, in one order: the suite's folders come in any. */
const namesOf = ({ shortcomings }: SuiteRun) =>
  shortcomings.map(({ scenario, id, status }) => `${scenario} ${id} ${status}`).sort()

it.each([
  { revision: '2025-11-25', count: 30 },
  { revision: '2026-07-28', count: 37 },
])(
  'the gateway passes all of the official conformance suite for $revision that its target passes',
  {
    timeout: RUN_MILLISECONDS,
  },
  async ({ revision, count }) => {
    const { direct, through, fixture, gateway } = await startGateway()
    const run = (url: string) => runSuite(['server', '--url', url, '--requirements', revision])
    const without = await run(direct)
    const before = fixture.decisions.length
    const behind = await run(through)

    expect(namesOf(behind)).toEqual(namesOf(without))
    expect([...behind.passed].sort()).toEqual([...without.passed].sort())
    const required = await requiredOf('server', revision)
    expect(required.filter(scenario => behind.passed.has(scenario))).toHaveLength(count)
    expect(behind.exitCode, behind.output).toBe(0)
    // The second run did reach the server, by the gateway only, and nothing in between broke.
    expect(fixture.decisions.length).toBeGreaterThan(before)
    expect(fixture.errors).toEqual([])
    expect(gateway.events().map(({ event }) => event)).not.toContain('target_failed')
  },
)
