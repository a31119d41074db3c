import type { IncomingHttpHeaders } from 'node:http'

/** What `Mcp-Name` repeats, by method. */
export const NAMED_BY: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
])

/**
 * Whether the headers that name the operation (`Mcp-Method`, `Mcp-Name`) agree with the body. A target, or a proxy on the way, may go by
 * them. A header that is absent agrees with everything.
 *
 * @param headers - Of the request; names in lower case.
 * @param body - Parsed.
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
 */
export function headersMatch(headers: IncomingHttpHeaders, body: unknown): boolean {
  const { 'mcp-method': method, 'mcp-name': name } = headers
  if (method === undefined && name === undefined) return true
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return false
  const message = body as { method?: unknown; params?: Record<string, unknown> | null }
  if (method !== undefined && method !== message.method) return false
  const member = NAMED_BY.get(String(message.method))
  if (name === undefined || member === undefined) return true
  return decodedName(String(name)) === message.params?.[member]
}

/**
 * A value of `Mcp-Name`. What a header cannot hold stands there as `=?base64?…?=`: the markers in lower case, between them the standard
 * Base64 of UTF-8 (RFC 4648 §4), padded. Anything else between the markers is refused rather than guessed at: decoders differ, and
 * `=?base64?` itself is sent encoded, so no plain name is lost.
 *
 * @returns `undefined` for a value between the markers that is not such Base64.
 */
export function decodedName(value: string): string | undefined {
  const [, encoded] = /^=\?base64\?(.*)\?=$/.exec(value) ?? []
  if (encoded === undefined) return value
  const bytes = Buffer.from(encoded, 'base64')
  const text = bytes.toString()
  return bytes.toString('base64') === encoded && Buffer.from(text).equals(bytes) ? text : undefined
}
