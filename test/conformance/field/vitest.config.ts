import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:field` has to come first, and outages take their time.
export default defineConfig({
  test: {
    include: ['test/conformance/field/**/*.test.ts'],
    setupFiles: ['test/support/patience.ts'],
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 900_000,
    // Each waits far longer than it computes.
    maxConcurrency: 3,
  },
})
