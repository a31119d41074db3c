import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  createMcpHandler,
  isJSONRPCRequest,
  isJsonContentType,
  type JSONRPCRequest,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/server'
import type { McpServers } from '../../notes/servers.ts'
import type { AuthenticatedRequest } from './authenticated-request.ts'
import { ModernTransport } from './modern-transport.ts'
import { toWebRequest } from './web-request.ts'
import { sendWebResponse } from './web-response.ts'

const REVISION = '2026-07-28'

/** What the `Mcp-Name` header repeats, by method. */
const namedBy = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
])

/** Serves clients that speak 2026-07-28, through SDK 2.x. One server per request. */
export interface ModernHttp {
  handle(req: AuthenticatedRequest, res: ServerResponse): Promise<void>
  /** Ends requests in flight and streams. */
  close(): Promise<void>
}

/**
 * The SDK's handler, with a short way for plain requests: those whose headers and body agree on everything, and to which the
 * server has no objection before a handler runs. Web-standard responses in between, and telling apart messages by failing
 * schemas, take as much time as everything else in a call. All other requests are the SDK's to answer.
 */
export function createModernHttp(servers: McpServers, onError?: (error: Error) => void): ModernHttp {
  const handler = createMcpHandler(() => servers.createModern(), {
    legacy: 'reject',
    onerror: onError,
    bus: servers.bus,
  })
  return {
    async handle(req, res) {
      const { auth: authInfo, body } = req
      const request = toWebRequest(req, res)
      const message = servers.createModernFor && plainRequest(req, body)
      if (message) {
        const transport = new ModernTransport(REVISION, message, res)
        await servers.createModernFor?.(message.method).connect(transport)
        if (await transport.serve({ request, authInfo })) return
      }
      await sendWebResponse(await handler.fetch(request, { authInfo, parsedBody: body }), res)
    },
    close: () => handler.close(),
  }
}

function plainRequest({ headers }: IncomingMessage, body: unknown): JSONRPCRequest | undefined {
  if (headers['mcp-protocol-version'] !== REVISION || !isJsonContentType(headers['content-type'])) return undefined
  if (!isJSONRPCRequest(body)) return undefined
  const { method, params } = body
  if (headers['mcp-method'] !== method || params?._meta?.[PROTOCOL_VERSION_META_KEY] !== REVISION) return undefined
  switch (method) {
    case 'tools/call':
    case 'prompts/get':
    case 'resources/read': {
      const name = params[namedBy.get(method) ?? '']
      // A name in the form that the header encodes others in needs decoding.
      const isPlain = typeof name === 'string' && name === headers['mcp-name'] && !name.startsWith('=?')
      return isPlain ? body : undefined
    }
    case 'tools/list':
    case 'prompts/list':
    case 'resources/list':
    case 'resources/templates/list':
      return body
    default:
      return undefined
  }
}
