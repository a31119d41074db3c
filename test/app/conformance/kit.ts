import { onTestFinished } from 'vitest'
import { checks } from '../../../app/conformance/checks/index.ts'
import { type LaboratoryOptions, openLaboratory } from '../../../app/conformance/laboratory.ts'
import { chooseChecks, type Result, runChecks } from '../../../app/conformance/run.ts'
import { createTarget } from '../../../app/conformance/target.ts'
import { freePort } from '../../support/http.ts'
import type { ServerOptions } from './server/parts.ts'
import { type Plant, type RunningServer, startServer } from './server/server.ts'

export interface KitOptions {
  readonly mode?: 'jwt' | 'introspection'
  readonly dpop?: ServerOptions['dpop']
  readonly nonce?: string
  readonly only?: readonly string[]
  readonly patienceSeconds?: number
}

/** Runs the kit with its own issuer against the server of these tests. @param plant - What is wrong with the server. */
export async function runKit(
  { mode = 'jwt', dpop, nonce, only, patienceSeconds = 12 }: KitOptions,
  plant?: Plant,
): Promise<Result[]> {
  const port = await freePort()
  let server: RunningServer | undefined
  let start = async (): Promise<void> => {}
  onTestFinished(() => server?.close())
  return conduct(`http://127.0.0.1:${port}/mcp`, {
    mode,
    only,
    tool: 'write',
    downstreamTool: 'fetch',
    patienceSeconds,
    startSeconds: 2,
    ready({ url, jwksUri, introspectionEndpoint, client, downstreamUrl: downstream }) {
      const trust = { issuer: url, jwksUri, introspectionEndpoint, client }
      start = async () => {
        server = await startServer({ port, trust, mode, dpop, nonce, downstream }, plant)
      }
      start()
    },
    async restart() {
      await server?.close()
      await start()
      return true
    },
  })
}

export interface ConductOptions extends LaboratoryOptions {
  readonly only?: readonly string[]
  readonly tool?: string
  /** For servers that run in this process. */
  readonly restart?: () => Promise<boolean>
}

/** Runs the kit with its own issuer against a server that {@link LaboratoryOptions.ready} or a command starts. */
export async function conduct(
  url: string,
  { only = [], tool, restart, ...options }: ConductOptions,
): Promise<Result[]> {
  const { laboratory, tokens, close } = await openLaboratory(url, options)
  onTestFinished(close)
  const whole = { ...laboratory, ...(restart && { restart }) }
  const target = createTarget(url, { tokens, tool, laboratory: whole, timeoutMilliseconds: 8000 })
  return runChecks(target, chooseChecks(checks, only).chosen)
}

/** Ids of checks that have not passed, without those that do not apply. */
export const notPassed = (results: readonly Result[]): string[] =>
  results.filter(({ verdict }) => verdict === 'fail' || verdict === 'warn').map(({ check }) => check.id)

export const skippedChecks = (results: readonly Result[]): string[] =>
  results.filter(({ verdict }) => verdict === 'skipped').map(({ check }) => check.id)

/** For the message of a failed test: what did not pass, and why. */
export const told = (results: readonly Result[]): string =>
  results
    .filter(({ verdict }) => verdict !== 'pass')
    .map(
      ({ check, verdict, because, evidence }) =>
        `${check.id} ${verdict}: ${because} ${verdict === 'skipped' ? '' : JSON.stringify(evidence)}`,
    )
    .join('\n')
