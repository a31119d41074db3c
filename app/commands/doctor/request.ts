import type { Answer, Probe } from './probe.ts'

/** One MCP request; `initialize` unless a body is given. It changes nothing. */
export function call(
  probe: Probe,
  url: string,
  headers: Record<string, string> = {},
  body: object = INITIALIZE,
): Promise<Answer> {
  return probe(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify(body),
  })
}

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'idplug-doctor', version: '1' },
  },
}
