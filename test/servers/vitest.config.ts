import { defineConfig } from 'vitest/config'
import { patient } from '../support/patient.ts'

// Apart from the other tests: `npm run setup:servers` has to come first.
export default defineConfig({
  test: {
    ...patient,
    include: ['test/servers/**/*.test.ts'],
    // A server may take five minutes to start.
    testTimeout: 400_000,
    hookTimeout: 120_000,
  },
})
