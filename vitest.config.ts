import { configDefaults, defineConfig } from 'vitest/config'
import { patient } from './test/support/patient.ts'

export default defineConfig({
  test: {
    ...patient,
    // Far more than any test takes, so that a machine that is ten times slower passes as well.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Many tests start processes, which all load the same files.
    env: { NODE_COMPILE_CACHE: new URL('node_modules/.cache/node', import.meta.url).pathname },
    projects: [
      {
        extends: true,
        test: {
          name: 'one',
          include: ['test/**/*.test.ts'],
          // These have installations of their own: `npm run setup:frameworks` and its like.
          exclude: [
            ...configDefaults.exclude,
            'test/{assertions,frameworks,clients,gateway,interop,moving,servers,runtimes,chaos}/**',
            'test/conformance/field/**',
            // Outages and restarts take their time: `npm run test:conformance`.
            'test/app/conformance/{defects,issuer-command,servers}.test.ts',
            // They install packages and follow a whole page, or run two suites: every night.
            ...(process.env.ALL_VARIANTS ? [] : ['test/package/agents.test.ts', 'test/conformance/gateway.test.ts']),
            // A process for each fault: `npm run test:properties`.
            'test/properties/planted/**',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'alternating',
          // What two processes can get wrong; all of test/e2e every night.
          include: process.env.ALL_VARIANTS
            ? ['test/e2e/**/*.test.ts']
            : ['test/e2e/{machines,revoke-before,stores}.test.ts', 'test/e2e/bridge/{refresh,sign-in}.test.ts'],
          // These have processes of their own.
          exclude: ['test/e2e/process.test.ts', 'test/e2e/redis.test.ts'],
          env: { E2E_ALTERNATING: 'yes' },
        },
      },
    ],
  },
})
