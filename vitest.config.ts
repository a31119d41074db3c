import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        // Those of the frameworks have an installation of their own (npm run setup:frameworks).
        test: { name: 'one', include: ['test/**/*.test.ts'], exclude: ['**/node_modules/**', 'test/frameworks/**'] },
      },
      {
        extends: true,
        test: {
          name: 'alternating',
          include: ['test/e2e/**/*.test.ts'],
          // These have processes of their own.
          exclude: ['test/e2e/process.test.ts', 'test/e2e/redis.test.ts'],
          env: { E2E_ALTERNATING: 'yes' },
        },
      },
    ],
  },
})
