import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:servers` has to come first.
export default defineConfig({
  test: {
    include: ['test/servers/**/*.test.ts'],
    setupFiles: ['test/support/patience.ts'],
    expect: { poll: { timeout: 60_000 } },
    // A server may take five minutes to start.
    testTimeout: 400_000,
    hookTimeout: 120_000,
  },
})
