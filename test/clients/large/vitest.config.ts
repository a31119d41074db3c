import { defineConfig } from 'vitest/config'

// For the nightly: `npm run setup:large-clients` installs 1.5 GB.
export default defineConfig({
  test: {
    include: ['test/clients/large/**/*.test.ts'],
    setupFiles: ['test/support/patience.ts'],
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 900_000,
    maxWorkers: 1,
  },
})
