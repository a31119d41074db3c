import { onTestFinished } from 'vitest'
import type { Check } from '../../../app/conformance/check.ts'
import { checks } from '../../../app/conformance/checks/index.ts'
import { startIssuer } from '../../../app/conformance/issuer/issuer.ts'
import { prepareTokens } from '../../../app/conformance/prepare.ts'
import { chooseChecks, type Result, runChecks } from '../../../app/conformance/run.ts'
import { createTarget } from '../../../app/conformance/target.ts'
import type { ServerOptions } from './server/parts.ts'
import { type Plant, startServer } from './server/server.ts'

export interface KitOptions {
  readonly mode?: 'jwt' | 'introspection'
  readonly dpop?: ServerOptions['dpop']
  readonly nonce?: string
  readonly only?: readonly string[]
}

/** Runs the kit with its own issuer against the server of these tests. @param plant - What is wrong with the server. */
export async function runKit({ mode = 'jwt', dpop, nonce, only = [] }: KitOptions, plant?: Plant): Promise<Result[]> {
  const issuer = await startIssuer({ mode })
  onTestFinished(() => issuer.close())
  const { jwksUri, introspectionEndpoint, client } = issuer
  const trust = { issuer: issuer.url, jwksUri, introspectionEndpoint, client }
  const options = { trust, mode, dpop, nonce, downstream: issuer.downstreamUrl }
  let server = await startServer(options, plant)
  onTestFinished(() => server.close())
  const port = Number(new URL(server.url).port)
  const restart = async () => {
    await server.close()
    server = await startServer({ ...options, port }, plant)
    return true
  }
  const tokens = await prepareTokens(server.url, issuer)
  const laboratory = { issuer, patienceSeconds: 12, restart, downstreamTool: 'fetch' }
  const target = createTarget(server.url, { tokens, tool: 'write', laboratory, timeoutMilliseconds: 5000 })
  return runChecks(target, chooseChecks(checks, only).chosen)
}

/** Ids of checks that have not passed, without those that do not apply. */
export const notPassed = (results: readonly Result[]): string[] =>
  results.filter(({ verdict }) => verdict === 'fail' || verdict === 'warn').map(({ check }) => check.id)

export const skippedChecks = (results: readonly Result[]): string[] =>
  results.filter(({ verdict }) => verdict === 'skipped').map(({ check }: { check: Check }) => check.id)

/** For the message of a failed test. */
export const told = (results: readonly Result[]): string[] =>
  results.map(({ check, verdict, because }) => `${check.id} ${verdict}${because ? `: ${because}` : ''}`)
