import { defineConfig } from 'vitest/config'

// Apart from the other tests: `npm run setup:clients` has to come first, and clients take their time.
export default defineConfig({
  test: {
    include: ['test/clients/*.test.ts'],
    testTimeout: 900_000,
  },
})
