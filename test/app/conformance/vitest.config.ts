import { defineConfig } from 'vitest/config'

// Every planted mistake, and every check at servers of ours: many of them wait for a server to notice that its provider is away.
export default defineConfig({
  test: {
    include: ['test/app/conformance/{defects,issuer-command,servers}.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
