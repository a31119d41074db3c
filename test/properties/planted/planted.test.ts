import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { plantedFaults } from './faults.ts'

const run = promisify(execFile)
const worker = fileURLToPath(new URL('worker.ts', import.meta.url))

/** Enough for the rarest case; most faults are found long before. */
const RUNS = 8000
/** Always the same: whether a fault is found is no matter of luck. */
const SEED = 1

describe('a planted fault', () => {
  it('is there for 20 checks at least', () => {
    expect(plantedFaults.length).toBeGreaterThanOrEqual(20)
  })

  it.each(plantedFaults)('quotes its file exactly, and once: $name ($subject)', ({ file, search }) => {
    const source = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')
    expect(source.split(search)).toHaveLength(2)
  })

  it.concurrent.for(plantedFaults.map((fault, index) => ({ ...fault, index })))(
    'is found: $name ($subject)',
    { timeout: 300_000 },
    async ({ index }, { expect }) => {
      const { stdout } = await run(process.execPath, [worker, String(index), String(RUNS), String(SEED)])
      expect(JSON.parse(stdout)).toEqual({ found: expect.any(String) })
    },
  )
})
