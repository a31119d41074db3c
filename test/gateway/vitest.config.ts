import { defineConfig } from 'vitest/config'
import { patient } from '../support/patient.ts'

// Apart from the other tests: `npm run setup:gateway` has to come first.
export default defineConfig({
  test: {
    ...patient,
    include: ['test/gateway/**/*.test.ts'],
    testTimeout: 120_000,
  },
})
