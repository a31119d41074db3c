import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { forwardAuthSettings, protectedServers, startForwardAuth } from '../../app/forward-auth/start.ts'
import { createLogger } from '../../app/observe/log.ts'
import type { ResourceDeclaration } from '../../auth/declaration.ts'
import { loadConfiguration } from '../../config/load.ts'
import { freePort } from '../support/http.ts'
import { temporaryFolder } from '../support/temporary-files.ts'
import { type ProxyName, startProxy } from './proxies.ts'

/** What the server behind the proxy is, by the tools of `target.ts`. */
export const files = {
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { whoami: [], write_file: ['files:write'] } },
  mcpHeaders: 'compared',
} as const satisfies ResourceDeclaration

export interface DemoOptions {
  /** Makes a mistake in the configuration of the proxy. Default: as it is documented. */
  readonly change?: ((configuration: string) => string) | undefined
  /** The servers behind the proxy, by name. Default: {@link files}. */
  readonly declarations?: Readonly<Record<string, ResourceDeclaration>>
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * `idplug forward-auth` with nothing but its address and a declaration, behind a proxy.
 *
 * @param target - Port of the server that the proxy protects.
 */
export async function startWithDemo(
  name: ProxyName,
  target: number,
  { change, declarations = { files }, settings }: DemoOptions = {},
) {
  const folder = temporaryFolder()
  const paths = Object.entries(declarations).map(([key, declaration]) => {
    const path = join(folder, `${key}.json`)
    writeFileSync(path, JSON.stringify(declaration))
    return path
  })
  const ports = { listen: await freePort(), idplug: await freePort(), target }
  const origin = `http://127.0.0.1:${ports.listen}`
  const env: Record<string, string> = {
    PUBLIC_URL: origin,
    PORT: String(ports.idplug),
    AUTH_RESOURCE: paths.join(','),
    ...settings,
  }
  Object.assign(env, forwardAuthSettings(env))
  const lines: string[] = []
  const { close } = await startForwardAuth({
    configuration: loadConfiguration(env, { resources: protectedServers(env) }),
    env,
    logger: createLogger('info', { write: line => void lines.push(line) }),
  })
  onTestFinished(close)
  await startProxy(name, ports, change)
  return { resource: `${origin}/mcp`, issuer: origin, log: () => lines.join('') }
}
