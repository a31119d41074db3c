import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:moving` has to come first.
export default defineConfig({
  test: {
    include: ['test/moving/**/*.test.ts'],
    testTimeout: 400_000,
    hookTimeout: 60_000,
  },
})
