import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:servers` has to come first.
export default defineConfig({
  test: {
    include: ['test/servers/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
