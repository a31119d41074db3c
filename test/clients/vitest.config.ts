import { defineConfig } from 'vitest/config'
import { patient } from '../support/patient.ts'

// Apart from the other tests: `npm run setup:clients` has to come first, and clients take their time.
export default defineConfig({
  test: {
    ...patient,
    include: ['test/clients/*.test.ts'],
    testTimeout: 900_000,
  },
})
