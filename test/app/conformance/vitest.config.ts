import { defineConfig } from 'vitest/config'

// Every planted mistake, and every check at servers of ours: many of them wait for a server to notice that its provider is away.
export default defineConfig({
  test: {
    include: ['test/app/conformance/{defects,issuer-command,servers}.test.ts'],
    setupFiles: ['test/support/patience.ts'],
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
