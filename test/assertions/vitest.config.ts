import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:assertions` has to come first.
export default defineConfig({
  test: {
    include: ['test/assertions/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
