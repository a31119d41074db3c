import { defineConfig } from 'vitest/config'
import { patient } from '../support/patient.ts'

// Apart from the other tests: `npm run setup:interop` has to come first.
export default defineConfig({
  test: {
    ...patient,
    include: ['test/interop/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
