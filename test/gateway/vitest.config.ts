import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:gateway` has to come first.
export default defineConfig({
  test: {
    include: ['test/gateway/**/*.test.ts'],
    setupFiles: ['test/support/patience.ts'],
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 120_000,
  },
})
