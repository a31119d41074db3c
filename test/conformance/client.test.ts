import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requiredOf, runSuite, type SuiteRun } from './suite.ts'

const RUN_MILLISECONDS = 300_000
const folder = await mkdtemp(join(tmpdir(), 'client-under-test-'))
const command = `${process.execPath} ${join(folder, 'client.mjs')}`

// The suite starts the client for each of some eighty scenarios, and one file starts four times as fast as its sources.
beforeAll(async () => {
  const input = fileURLToPath(new URL('./client-under-test.ts', import.meta.url))
  const output = { dir: folder, format: 'esm', entryFileNames: 'client.mjs', chunkFileNames: '[name].mjs' } as const
  await build({ input, platform: 'node', output, logLevel: 'silent' })
})
afterAll(() => rm(folder, { recursive: true }))

const UNSCORED = [
  'auth/client-credentials-basic',
  'auth/client-credentials-jwt',
  'auth/dpop',
  'auth/dpop-nonce',
  'auth/enterprise-managed-authorization',
  'auth/wif-jwt-bearer',
  'json-schema-2020-12-preservation',
]

describe.each([
  { revision: '2025-11-25', count: 18 },
  { revision: '2026-07-28', count: 32 },
])('the client of the command line, in the official conformance suite for $revision', ({ revision, count }) => {
  let run: SuiteRun
  beforeAll(async () => {
    run = await runSuite(['client', '--command', command, '--requirements', revision])
  }, RUN_MILLISECONDS)

  it(`passes ${count} of ${count} required scenarios`, async () => {
    const required = await requiredOf('client', revision)
    expect(required).toHaveLength(count)
    expect(required.filter(scenario => !run.passed.has(scenario))).toEqual([])
    expect(run.exitCode, run.output).toBe(0)
  })

  it.each(UNSCORED)('passes %s, which the suite runs without counting it', scenario => {
    expect(run.passed).toContain(scenario)
  })

  it('gets no warning', () => expect(run.shortcomings).toEqual([]))
})
