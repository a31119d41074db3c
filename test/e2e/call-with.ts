/** Status of an answer to a request with this token: 200 where the token is accepted. */
export async function callWith(resource: string, token: string): Promise<number> {
  const response = await fetch(resource, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1.0.0' } },
    }),
  })
  await response.body?.cancel()
  return response.status
}
