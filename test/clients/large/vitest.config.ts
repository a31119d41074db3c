import { defineConfig } from 'vitest/config'
import { patient } from '../../support/patient.ts'

// For the nightly: `npm run setup:large-clients` installs 1.5 GB.
export default defineConfig({
  test: {
    ...patient,
    include: ['test/clients/large/**/*.test.ts'],
    testTimeout: 900_000,
    maxWorkers: 1,
  },
})
