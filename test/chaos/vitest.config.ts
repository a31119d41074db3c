import { defineConfig } from 'vitest/config'
import { patient } from '../support/patient.ts'

// Each run is another one, whose seed it prints: CHAOS_SEED makes it again, as far as processes of a machine do the same twice.
process.env.CHAOS_SEED ??= String(Math.floor(Math.random() * 2 ** 31))
process.env.CHAOS_SECONDS ??= '600'

export default defineConfig({
  test: {
    ...patient,
    include: ['test/chaos/**/*.test.ts'],
    testTimeout: (Number(process.env.CHAOS_SECONDS) + 180) * 1000,
    fileParallelism: false,
  },
})
