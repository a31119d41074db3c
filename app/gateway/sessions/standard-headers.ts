import type { IncomingMessage } from 'node:http'
import { classifyInboundRequest, PROTOCOL_VERSION_META_KEY } from '@modelcontextprotocol/server'
import { HEADER_MISMATCH } from '../rpc-error.ts'
import type { Refusal } from './answers.ts'
import { isMessage, isRequest } from './messages.ts'

/** What `Mcp-Name` repeats, by method. */
const namedBy = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
])

/**
 * What the headers of a request of 2026-07-28 lack, or say otherwise than its body. The server sees the body only, so it cannot tell.
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
  const member = namedBy.get(body.method)
  const name = member === undefined ? undefined : body.params?.[member]
  if (typeof name !== 'string') return undefined
  const named = text(headers['mcp-name'])
  if (named === undefined) return mismatch('the Mcp-Name header is missing')
  return decoded(named.trim()) === name ? undefined : mismatch(`Mcp-Name and params.${member} differ`)
}

function mismatch(problem: string): Refusal {
  return { status: 400, code: HEADER_MISMATCH, message: `Bad Request: ${problem}.` }
}

/** What no header can hold stands in it as base64. */
function decoded(value: string): string {
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1]
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString()
}

function text(value: string | string[] | undefined): string | undefined {
  return value === undefined ? undefined : String(value)
}
