import { defineConfig } from 'vitest/config'
import { patient } from '../../support/patient.ts'

// Apart from the other tests: `npm run setup:field` has to come first, and outages take their time.
export default defineConfig({
  test: {
    ...patient,
    include: ['test/conformance/field/**/*.test.ts'],
    testTimeout: 900_000,
    // Each waits far longer than it computes.
    maxConcurrency: 3,
  },
})
