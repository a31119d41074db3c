import { defineConfig } from 'vitest/config'
import { patient } from '../../support/patient.ts'

// Every planted mistake, and every check at servers of ours: many of them wait for a server to notice that its provider is away.
export default defineConfig({
  test: {
    ...patient,
    include: ['test/app/conformance/{defects,issuer-command,servers}.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
