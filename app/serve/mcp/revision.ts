import type { IncomingMessage } from 'node:http'
import { classifyInboundRequest, PROTOCOL_VERSION_META_KEY } from '@modelcontextprotocol/server'

/**
 * Whether a request is one for SDK 1.x (2025-11-25 and older) or for SDK 2.x. The 2.x SDK decides; what plainly carries the
 * marks of one generation only is not worth asking it, as it tells by schemas that fail, which is slow.
 */
export function isLegacy({ method = 'GET', headers }: IncomingMessage, body: unknown): boolean {
  if (method !== 'POST') return true
  const version = text(headers['mcp-protocol-version'])
  if (isSingle(body)) {
    if (claimsModernEra(body)) {
      if (body.method !== 'initialize') return false
    } else if (version === undefined || version < '2026') {
      return true
    }
  }
  const outcome = classifyInboundRequest({
    httpMethod: method,
    protocolVersionHeader: version,
    mcpMethodHeader: text(headers['mcp-method']),
    mcpNameHeader: text(headers['mcp-name']),
    body,
  })
  return outcome.kind === 'legacy'
}

interface Single {
  method?: unknown
  params?: { _meta?: unknown } | null
}

function isSingle(body: unknown): body is Single {
  return typeof body === 'object' && body !== null && !Array.isArray(body)
}

/** From 2026-07-28 on, every request names its revision in `_meta`. */
function claimsModernEra({ params }: Single): boolean {
  const meta = params?._meta
  return typeof meta === 'object' && meta !== null && !Array.isArray(meta) && PROTOCOL_VERSION_META_KEY in meta
}

function text(value: string | string[] | undefined): string | undefined {
  return value === undefined ? undefined : String(value)
}
