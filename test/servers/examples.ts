import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Sdk } from '../e2e/mcp-user.ts'

/** A server that is a package of its own. */
export interface Example {
  /** Of its folder. */
  readonly name: string
  /** Default: that of its name in `docs/examples/servers`. */
  readonly folder?: string
  /** Version of the official client that fits the SDK of the server. */
  readonly sdk: Sdk
  /**
   * Its program without sign-in and with it, where these are not `plain.ts` and `server.ts`; `undefined`: the file is there for sign-in only.
   */
  readonly sources?: readonly (readonly [plain: string | undefined, server: string])[]
  /** It has to be built before it runs. */
  readonly builds?: true
  /** Script of its package that starts it. Default `start`. */
  readonly script?: string
  /** Its framework shows no body before it handles a request, so there is no 403, and clients ask for every scope at sign-in. */
  readonly withoutStepUp?: true
  /** What its own sign-in took, before there was another one; also the name of the client. Default: it had none. */
  readonly tokenBefore?: string
  /** It runs in workerd, where our own authorization server does not; settings come as bindings. */
  readonly isWorker?: true
  /** Further settings of an operator. */
  readonly env?: Readonly<Record<string, string>>
}

export const examples: readonly Example[] = [
  { name: 'express', sdk: '1.x' },
  // What stays behind ours there, as at mcp-use, reads `Authorization` again and knows bearer tokens only.
  { name: 'express-4', sdk: '1.x', tokenBefore: 'operator', env: { OPERATOR_TOKEN: 'operator', DPOP: 'off' } },
  { name: 'express-sdk2', sdk: '2.x' },
  { name: 'fetch', sdk: '2.x' },
  { name: 'node', sdk: '1.x' },
  { name: 'hono', sdk: '2.x' },
  { name: 'hono-mcp', sdk: '1.x' },
  { name: 'fastify', sdk: '1.x' },
  { name: 'nest', sdk: '2.x', builds: true },
  { name: 'fastmcp', sdk: '1.x', withoutStepUp: true, env: { AUTH_SIGN_IN_SCOPES: 'all' } },
  { name: 'mcp-use', sdk: '2.x', env: { DPOP: 'off' } },
  {
    name: 'next',
    sdk: '2.x',
    // In production it would insist on https.
    script: 'dev',
    sources: [
      ['plain/app/mcp/route.ts', 'app/mcp/route.ts'],
      [undefined, 'lib/auth.ts'],
      [undefined, 'app/.well-known/[...path]/route.ts'],
      [undefined, 'app/oauth/[...path]/route.ts'],
      [undefined, 'app/fakeupstreamauth/[...path]/route.ts'],
    ],
  },
  { name: 'cloudflare', sdk: '2.x', script: 'dev', isWorker: true },
]

export function folderOf(name: string): string {
  return fileURLToPath(new URL(`../../docs/examples/servers/${name}/`, import.meta.url))
}

/** Frameworks that would report to their makers. */
const QUIET = { NEXT_TELEMETRY_DISABLED: '1', WRANGLER_SEND_METRICS: 'false', MCP_USE_ANONYMIZED_TELEMETRY: 'false' }

/** How a program is started: arguments for Node, and where. */
export interface Command {
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Starts an example as its package says, with no settings but those of where it runs and these.
 *
 * @param isPlain - The one without sign-in.
 */
export function commandOf(
  example: Example,
  port: number,
  settings: Readonly<Record<string, string>>,
  isPlain = false,
): Command {
  const { name, folder: cwd = folderOf(name), script = 'start', isWorker } = example
  const all = { PUBLIC_URL: `http://localhost:${port}`, ...settings, ...example.env }
  const bindings = Object.entries(all).flatMap(([name, value]) => ['--var', `${name}:${value}`])
  return {
    args: [...argumentsOf(cwd, isPlain ? 'plain' : script), ...(isWorker ? ['--port', String(port), ...bindings] : [])],
    cwd,
    env: { HOME: process.env.HOME, PORT: String(port), ...all, ...QUIET },
  }
}

/** @param script - Name of a script in the package there: a command alone. @returns Arguments for Node. */
function argumentsOf(folder: string, script: string): string[] {
  const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const [program, ...args] = scripts[script].split(' ')
  return program === 'node' ? args : [`node_modules/.bin/${program}`, ...args]
}
