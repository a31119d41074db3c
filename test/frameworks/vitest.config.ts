import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { patient } from '../support/patient.ts'

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

export default defineConfig({
  // The servers here import the library by its names, as those of users do.
  resolve: {
    alias: [
      { find: /^idplug$/, replacement: at('index.ts') },
      { find: /^idplug\/testing$/, replacement: at('src/testing/index.ts') },
      { find: /^idplug\/core$/, replacement: at('auth/core.ts') },
      { find: /^idplug\/(\w+)$/, replacement: at('src/edges/$1.ts') },
    ],
  },
  test: {
    ...patient,
    root: fileURLToPath(new URL('.', import.meta.url)),
    include: ['**/*.test.ts'],
    env: { NEXT_TELEMETRY_DISABLED: '1' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
