import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:interop` has to come first.
export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
