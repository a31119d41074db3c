import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:runtimes` has to come first.
export default defineConfig({
  test: {
    include: ['test/runtimes/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})
