import { defineConfig } from 'vitest/config'
import { patient } from '../support/patient.ts'

// Apart from the other tests: `npm run setup:moving` has to come first.
export default defineConfig({
  test: {
    ...patient,
    include: ['test/moving/**/*.test.ts'],
    testTimeout: 400_000,
    hookTimeout: 120_000,
  },
})
