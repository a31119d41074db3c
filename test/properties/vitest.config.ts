import { defineConfig } from 'vitest/config'

// Longer than in `npm test`, with another seed each time, which the names of the tests say: PROPERTIES_SEED makes them again.
process.env.PROPERTIES_SEED ??= String(Math.floor(Math.random() * 2 ** 31))
process.env.PROPERTIES_RUNS ??= '100000'

export default defineConfig({
  test: {
    include: ['test/properties/**/*.test.ts'],
    setupFiles: ['test/support/patience.ts'],
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 120_000,
    maxConcurrency: 2,
    fileParallelism: false,
  },
})
