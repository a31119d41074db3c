import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:gateway` has to come first.
export default defineConfig({
  test: {
    include: ['test/gateway/**/*.test.ts'],
    testTimeout: 60_000,
  },
})
