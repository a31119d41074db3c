/** Headers that MCP clients of every revision send, and that a browser asks a server about before it lets a page send them. */
export const SENT_HEADERS = [
  'authorization',
  'content-type',
  'mcp-protocol-version',
  'mcp-session-id',
  'mcp-method',
  'mcp-name',
]

/** The names in a header that lists some, in lower case. */
export function namesIn(header: string | null): string[] {
  return (header ?? '')
    .toLowerCase()
    .split(',')
    .map(name => name.trim())
}

/** @returns Headers that the answer to a preflight does not let a page send. */
export function forbiddenHeaders(wanted: readonly string[], answer: Headers): string[] {
  const allowed = namesIn(answer.get('access-control-allow-headers'))
  // The asterisk does not stand for Authorization.
  return wanted.filter(name => !allowed.includes(name) && (name === 'authorization' || !allowed.includes('*')))
}

/** Whether a page may read a header of an answer. */
export function isExposed(name: string, answer: Headers): boolean {
  const exposed = namesIn(answer.get('access-control-expose-headers'))
  return exposed.includes(name) || exposed.includes('*')
}
