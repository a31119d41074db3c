const headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2025-03-26',
}

/** Calls a tool (MCP, tools/call) without a session. */
export function callTool(origin: string, name: string, token?: string, path = '/mcp'): Promise<Response> {
  return fetch(origin + path, {
    method: 'POST',
    headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
  })
}
