/** The answer to a request that begins a session: 200 where the credentials are accepted. */
export async function initializeWith(resource: string, credentials: Record<string, string>): Promise<Response> {
  const response = await fetch(resource, {
    method: 'POST',
    headers: {
      ...credentials,
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
  await response.text()
  return response
}

/** Status of an answer to a request with this token: 200 where it is accepted. */
export async function callWith(resource: string, token: string): Promise<number> {
  return (await initializeWith(resource, { authorization: `Bearer ${token}` })).status
}
