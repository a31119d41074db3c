import { describe, expect, it, onTestFinished } from 'vitest'
import { checks } from '../../../app/conformance/checks/index.ts'
import { type Result, runChecks } from '../../../app/conformance/run.ts'
import { createTarget } from '../../../app/conformance/target.ts'
import { startServers } from '../../e2e/servers.ts'
import { challengeDefects } from './defects/challenge.ts'
import type { Defect } from './defects/defect.ts'
import { malformedDefects } from './defects/malformed.ts'
import { metadataDefects } from './defects/metadata.ts'
import { GOOD, startPlainIssuer } from './plain-issuer.ts'
import { startServer } from './server/server.ts'

const tier0 = checks.filter(({ tier }) => tier === 0)
const defects = [...challengeDefects, ...metadataDefects, ...malformedDefects]

async function run({ plant, issuer, token }: Partial<Defect>, only = tier0): Promise<Result[]> {
  let resource = ''
  const trust = await startPlainIssuer(() => resource, issuer)
  const server = await startServer({ trust, mode: 'introspection' }, plant)
  onTestFinished(server.close)
  resource = server.url
  const target = createTarget(server.url, { tokens: token && { token: GOOD } })
  return runChecks(target, only)
}

const told = (results: readonly Result[]) =>
  results.map(({ check, verdict, because }) => `${check.id} ${verdict}: ${because}`)
const verdicts = (results: readonly Result[]) =>
  results.filter(({ verdict }) => verdict !== 'pass').map(({ check, verdict }) => [check.id, verdict])

describe('a server without mistakes passes the checks that need no token', () => {
  it('by hand, without a token', async () => {
    const results = await run({})
    expect(verdicts(results), told(results).join('\n')).toEqual([
      ['P20', 'skipped'],
      ['P27', 'skipped'],
    ])
  })

  it('by hand, with a token', async () => {
    const results = await run({ token: true })
    expect(verdicts(results), told(results).join('\n')).toEqual([
      ['P20', 'skipped'],
      ['P27', 'skipped'],
    ])
  })

  it('npm start', async () => {
    const { resource } = await startServers()
    const results = await runChecks(createTarget(resource), tier0)
    expect(verdicts(results), told(results).join('\n')).toEqual([['P27', 'skipped']])
  })
})

describe('each of those checks fails', () => {
  it('has a planted mistake', () => {
    const planted = new Set(defects.map(({ id }) => id))
    expect(tier0.map(({ id }) => id).filter(id => !planted.has(id))).toEqual([])
  })

  it.each(defects.map(defect => ({ ...defect, name: defect.way ? `${defect.id}, ${defect.way}` : defect.id })))(
    '$name',
    async ({ id, mild, ...defect }) => {
      const check = tier0.filter(each => each.id === id)
      const [result] = await run(defect, check)
      const expected = check[0]?.level === 'MUST' && !mild ? 'fail' : 'warn'
      expect(result?.verdict, result?.because).toBe(expected)
      expect(result?.because).toBeTruthy()
      expect(JSON.stringify(result?.evidence)).toMatch(/curl/)
      expect(JSON.stringify(result)).not.toContain(GOOD)
    },
  )
})
