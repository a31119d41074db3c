import { defineConfig } from 'vitest/config'

// Each run is another one, whose seed it prints: CHAOS_SEED makes it again, as far as processes of a machine do the same twice.
process.env.CHAOS_SEED ??= String(Math.floor(Math.random() * 2 ** 31))
process.env.CHAOS_SECONDS ??= '600'

export default defineConfig({
  test: {
    include: ['test/chaos/**/*.test.ts'],
    setupFiles: ['test/support/patience.ts'],
    expect: { poll: { timeout: 60_000 } },
    testTimeout: (Number(process.env.CHAOS_SECONDS) + 180) * 1000,
    fileParallelism: false,
  },
})
