import { expect, it } from 'vitest'
import { freePort } from '../../support/http.ts'
import { main } from '../../support/program.ts'
import { conduct, notPassed, skippedChecks, told } from './kit.ts'

/** Nothing signs metadata, no scope implies another, and proofs need no nonce. */
const ABSENT = ['P27', 'S07', 'D11']
const INTROSPECTION_ONLY = ['V21', 'V22', 'V23', 'O03', 'O04']
const JWT_ONLY = [
  ...['V03', 'V06', 'V07', 'V08', 'V09', 'V10', 'V11', 'V12', 'V13', 'V14', 'V15', 'V16', 'V17', 'V19', 'V27'],
  ...['O01', 'O02'],
]
const NO_SESSIONS = 'V24'
const NO_DOWNSTREAM = 'V29'
/** SDK 1.x. */
const NOT_OF_2026 = 'S14'
const JWT = 'AUTH_PROVIDER=oidc OIDC_METADATA_URL=$CONFORMANCE_METADATA_URL'
const INTROSPECTION = [
  'AUTH_PROVIDER=introspection INTROSPECTION_METADATA_URL=$CONFORMANCE_METADATA_URL TOKEN_CACHE_SECONDS=1',
  'INTROSPECTION_CLIENT_ID=$CONFORMANCE_CLIENT_ID INTROSPECTION_CLIENT_SECRET=$CONFORMANCE_CLIENT_SECRET',
].join(' ')

const path = (name: string) => new URL(name, import.meta.url).pathname
const example = path('../../../docs/examples/own-server.ts')
const node = process.execPath
/** Above all ports that tests listen on. */
const TARGET_OFFSET = 25_000

const server = (port: number, settings: string) => `PORT=${port} ${settings} exec ${node} ${main}`
const library = (port: number, settings: string) =>
  `PORT=${port} PUBLIC_URL=http://localhost:${port} ${settings} exec ${node} ${example}`
const gateway = (port: number, settings: string) => {
  const target = port + TARGET_OFFSET
  return `TARGET_PORT=${target} ${node} ${path('./behind-gateway/server.ts')} &
    PORT=${port} AUTH_RESOURCE=${path('./behind-gateway/files.json')} ${settings} \
    exec ${node} ${main} gateway --to http://127.0.0.1:${target}/mcp`
}

it.each([
  { name: 'npm start', mode: 'jwt', tool: 'admin_stats', command: server, skips: [NO_DOWNSTREAM] },
  { name: 'npm start', mode: 'introspection', tool: 'admin_stats', command: server, skips: [NO_DOWNSTREAM] },
  {
    name: 'an Express server with the library',
    mode: 'jwt',
    tool: 'write_file',
    command: library,
    skips: [NO_SESSIONS, NO_DOWNSTREAM, NOT_OF_2026],
  },
  {
    name: 'the gateway',
    mode: 'introspection',
    tool: 'write_file',
    downstreamTool: 'list_files',
    command: gateway,
    skips: [NO_SESSIONS, NOT_OF_2026],
  },
] as const)(
  '$name passes every check that applies, with tokens checked by $mode',
  async ({ mode, tool, command, skips, ...others }) => {
    const port = await freePort()
    const [settings, inOtherMode] = mode === 'jwt' ? [JWT, INTROSPECTION_ONLY] : [INTROSPECTION, JWT_ONLY]
    const serverCommand = command(port, settings)
    const results = await conduct(`http://localhost:${port}/mcp`, { mode, tool, serverCommand, ...others })
    expect(notPassed(results), told(results)).toEqual([])
    expect(new Set(skippedChecks(results)), told(results)).toEqual(new Set([...ABSENT, ...inOtherMode, ...skips]))
  },
  300_000,
)
