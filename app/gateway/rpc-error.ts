/** JSON-RPC leaves -32000 to -32099 to implementations; the MCP SDKs answer with the first of them at a transport. */
export const TRANSPORT_ERROR = -32000
/** An unknown session, as the MCP SDKs have it. */
export const NOT_FOUND_ERROR = -32001
/** `HeaderMismatch` of revision 2026-07-28. */
export const HEADER_MISMATCH = -32020
export const INTERNAL_ERROR = -32603

/** @param correlationId - The id under which the log knows the HTTP request. */
export function errorResponse<Id extends string | number | object | null>(
  id: Id,
  message: string,
  correlationId: string,
  code: number = TRANSPORT_ERROR,
) {
  return { jsonrpc: '2.0' as const, id, error: { code, message, data: { request_id: correlationId } } }
}
