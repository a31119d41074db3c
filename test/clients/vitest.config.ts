import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:clients` has to come first, and clients take their time.
export default defineConfig({
  test: {
    include: ['test/clients/*.test.ts'],
    setupFiles: ['test/support/patience.ts'],
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 900_000,
  },
})
