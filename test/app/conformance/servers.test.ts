import { describe, expect, it } from 'vitest'
import { freePort } from '../../support/http.ts'
import { main } from '../program.ts'
import { conduct, notPassed, skippedChecks, told } from './kit.ts'

/** Nothing signs metadata; no scope implies another; no tool calls anything; proofs need no nonce. */
const ABSENT = ['P27', 'S07', 'V29', 'D11']
const INTROSPECTION_ONLY = ['V21', 'V22', 'V23', 'O03', 'O04']
const JWT_ONLY = [
  ...['V03', 'V06', 'V07', 'V08', 'V09', 'V10', 'V11', 'V12', 'V13', 'V14', 'V15', 'V16', 'V17', 'V19', 'V27'],
  ...['O01', 'O02'],
]
const JWT = 'AUTH_PROVIDER=oidc OIDC_METADATA_URL=$CONFORMANCE_METADATA_URL'
const INTROSPECTION =
  'AUTH_PROVIDER=introspection INTROSPECTION_METADATA_URL=$CONFORMANCE_METADATA_URL INTROSPECTION_CLIENT_ID=$CONFORMANCE_CLIENT_ID INTROSPECTION_CLIENT_SECRET=$CONFORMANCE_CLIENT_SECRET TOKEN_CACHE_SECONDS=1'
const example = new URL('../../../docs/examples/own-server.ts', import.meta.url).pathname
const declaration = new URL('./behind-gateway/files.json', import.meta.url).pathname
const target = new URL('./behind-gateway/server.ts', import.meta.url).pathname

const node = process.execPath
/** Far from all ports that tests listen on. */
const TARGET_OFFSET = 25_000

describe.each([
  { mode: 'jwt', settings: JWT, skips: INTROSPECTION_ONLY },
  { mode: 'introspection', settings: INTROSPECTION, skips: JWT_ONLY },
] as const)(
  'with tokens that are checked by $mode, every check passes that applies to',
  ({ mode, settings, skips }) => {
    it.each([
      {
        name: 'npm start',
        tool: 'admin_stats',
        command: (port: number) => `PORT=${port} ${settings} exec ${node} ${main}`,
      },
      {
        name: 'an Express server with the library',
        tool: 'write_file',
        // It keeps no sessions.
        absent: ['V24'],
        command: (port: number) => `PORT=${port} PUBLIC_URL=http://localhost:${port} ${settings} ${node} ${example}`,
      },
      {
        name: 'the gateway in front of a server without sign-in',
        tool: 'write_file',
        downstreamTool: 'list_files',
        absent: ['V24'],
        command: (port: number) =>
          `TARGET_PORT=${port + TARGET_OFFSET} ${node} ${target} & PORT=${port} AUTH_RESOURCE=${declaration} ${settings} exec ${node} ${main} gateway --to http://127.0.0.1:${port + TARGET_OFFSET}/mcp`,
      },
    ])(
      '$name',
      async ({ tool, downstreamTool, absent = [], command }) => {
        const port = await freePort()
        const results = await conduct(`http://localhost:${port}/mcp`, {
          mode,
          tool,
          downstreamTool,
          serverCommand: command(port),
        })
        expect(notPassed(results), told(results)).toEqual([])
        const skipped = [...ABSENT, ...absent, ...skips].filter(id => !(downstreamTool && id === 'V29'))
        expect(new Set(skippedChecks(results)), told(results)).toEqual(new Set(skipped))
      },
      240_000,
    )
  },
)
