import { defineConfig } from 'vitest/config'
import { patient } from '../support/patient.ts'

// Longer than in `npm test`, with another seed each time, which the names of the tests say: PROPERTIES_SEED makes them again.
process.env.PROPERTIES_SEED ??= String(Math.floor(Math.random() * 2 ** 31))
process.env.PROPERTIES_RUNS ??= '100000'

export default defineConfig({
  test: {
    ...patient,
    include: ['test/properties/**/*.test.ts'],
    testTimeout: 120_000,
    maxConcurrency: 2,
    fileParallelism: false,
  },
})
