/** Scopes that one request needs, by what it calls. */
export type ScopesOf = (method: string, params: Readonly<Record<string, unknown>>) => readonly string[]

/**
 * Every scope that a JSON-RPC body needs: of one message, or of all messages in a batch (2025-03-26). A body that is no
 * JSON-RPC needs none; the SDKs refuse it.
 */
export function requiredScopes(body: unknown, scopesOf: ScopesOf): readonly string[] {
  if (!Array.isArray(body)) return ofMessage(body, scopesOf)
  return [...new Set(body.flatMap(message => ofMessage(message, scopesOf)))]
}

function ofMessage(message: unknown, scopesOf: ScopesOf): readonly string[] {
  if (!isRecord(message) || typeof message.method !== 'string') return []
  return scopesOf(message.method, isRecord(message.params) ? message.params : {})
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
