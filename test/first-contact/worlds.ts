// What stands around a server: proxies, targets of the gateway, and the person at the browser.
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import { onTestFinished } from 'vitest'
import type { TargetPlace } from '../../app/gateway/configuration.ts'
import { defaultDeclaration } from '../../app/gateway/default-declaration.ts'
import { startGateway } from '../../app/gateway/start.ts'
import { createLogger } from '../../app/observe/log.ts'
import { loadConfiguration } from '../../config/load.ts'
import { freePort, listen } from '../support/http.ts'

export interface ProxyRules {
  /** Headers of requests that it does not pass on. */
  readonly withhold?: readonly string[]
  /** Headers of answers that it does not pass on. */
  readonly keep?: readonly string[]
  /** The only path that it knows. */
  readonly only?: string
}

/** A proxy as people write it, at a port that was chosen before. */
export async function proxyAt(port: number, to: string, { withhold = [], keep = [], only = '/' }: ProxyRules = {}) {
  const without = (headers: IncomingHttpHeaders, names: readonly string[]) =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))
  const server = createServer((incoming, outgoing) => {
    const { url = '/', method, headers } = incoming
    if (!url.startsWith(only)) {
      return void outgoing.writeHead(404, { 'content-type': 'text/html' }).end('<h1>404 Not Found</h1>')
    }
    const passed = request(to, { path: url, method, headers: without(headers, withhold) }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, without(answer.headers, keep))
      answer.pipe(outgoing)
    })
    incoming.pipe(passed)
  })
  const { close } = await listen(server, port)
  onTestFinished(close)
}

/**
 * `idplug gateway --to` with the demo sign-in.
 *
 * @returns The URL of its endpoint, and the words that it logged at once.
 */
export async function gatewayTo(url: string) {
  return gatewayBefore({ kind: 'url', url })
}

/** The same in front of a command, or of a server at a URL. */
export async function gatewayBefore(place: TargetPlace) {
  const env = { PORT: String(await freePort()), AUTH_MODE: 'embedded' }
  const declarations = { mcp: defaultDeclaration('files') }
  const lines: string[] = []
  const logger = createLogger('warn', { write: line => void lines.push(line) })
  const target = { place, identity: { kind: 'none' } } as const
  const gateway = await startGateway({ configuration: loadConfiguration(env, { resources: declarations }), logger }, [
    { id: 'command line', env, declarations, targets: { mcp: target } },
  ])
  onTestFinished(gateway.close)
  return { url: gateway.resource, logged: () => lines.join('') }
}

/** Something that is no MCP endpoint where the gateway expects one. */
export async function answering(status: number, headers: Record<string, string> = {}): Promise<string> {
  const { origin, close } = await listen((_request, response) =>
    response.writeHead(status, headers).end('<p>Hello</p>'),
  )
  onTestFinished(close)
  return `${origin}/mcp`
}
