import type { IncomingMessage } from 'node:http'
import { classifyInboundRequest, PROTOCOL_VERSION_META_KEY } from '@modelcontextprotocol/server'
import { NAMED_BY } from '../operation-headers.ts'
import { HEADER_MISMATCH } from '../rpc-error.ts'
import type { Refusal } from './answers.ts'
import { isMessage, isRequest } from './messages.ts'

/**
 * What the headers of a request of 2026-07-28 lack. The server sees the body only, so it cannot tell. That those of them that name the
 * operation agree with the body was checked before.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports
 */
export function headerProblem({ headers }: IncomingMessage, body: unknown): Refusal | undefined {
  const version = text(headers['mcp-protocol-version'])
  const method = text(headers['mcp-method'])
  if (!isMessage(body) || version !== body.params?._meta?.[PROTOCOL_VERSION_META_KEY] || method !== body.method) {
    const outcome = classifyInboundRequest({
      httpMethod: 'POST',
      protocolVersionHeader: version,
      mcpMethodHeader: method,
      mcpNameHeader: text(headers['mcp-name']),
      body,
    })
    if (outcome.kind === 'reject') {
      return { status: outcome.httpStatus, code: outcome.code, message: outcome.message }
    }
  }
  if (!isMessage(body) || !isRequest(body)) return undefined
  if (version === undefined) return mismatch('the MCP-Protocol-Version header is missing')
  if (method === undefined) return mismatch('the Mcp-Method header is missing')
  const member = NAMED_BY.get(body.method)
  const isNamed = member !== undefined && typeof body.params?.[member] === 'string'
  return isNamed && !headers['mcp-name'] ? mismatch('the Mcp-Name header is missing') : undefined
}

function mismatch(problem: string): Refusal {
  return { status: 400, code: HEADER_MISMATCH, message: `Bad Request: ${problem}.` }
}

function text(value: string | string[] | undefined): string | undefined {
  return value === undefined ? undefined : String(value)
}
