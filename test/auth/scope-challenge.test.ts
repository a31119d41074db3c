import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { type Auth, type AuthObserver, createAuth, type Decision } from 'idplug'
import { protect } from 'idplug/fetch'
import { createTestIssuer } from 'idplug/testing'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

const declaration = {
  resource: 'https://mcp.example.com/mcp',
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
} as const

/** A server of SDK 2.x whose tool states its scope where it is registered. */
function serve(access: object = {}, observer: AuthObserver = {}, register?: (auth: Auth) => object) {
  const issuer = createTestIssuer()
  const auth = createAuth({ ...declaration, ...access }, { env: {}, providers: [issuer.provider], observer }) as Auth
  const mcp = createMcpHandler(
    () => {
      const server = new McpServer({ name: 'files', version: '1.0.0' })
      const options = register?.(auth) ?? { scopeChallenge: auth.scopeChallenge('files:write') }
      server.registerTool('write_file', { ...options, inputSchema: z.object({}) }, () => ({
        content: [{ type: 'text', text: 'written' }],
      }))
      return server
    },
    { onerror: () => {} },
  )
  const handle = protect(auth, (request, { authInfo, parsedBody }) => mcp.fetch(request, { authInfo, parsedBody }))
  async function call(scopes: string[], revision: '2025-11-25' | '2026-07-28') {
    const token = await issuer.token({ scopes })
    const meta = {
      'io.modelcontextprotocol/protocolVersion': revision,
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    return handle(
      new Request(declaration.resource, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${token}`,
          Accept: 'application/json, text/event-stream',
          'Content-Type': 'application/json',
          'MCP-Protocol-Version': revision,
          ...(revision === '2026-07-28' && { 'Mcp-Method': 'tools/call', 'Mcp-Name': 'write_file' }),
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'write_file', arguments: {}, ...(revision === '2026-07-28' && { _meta: meta }) },
        }),
      }),
    )
  }
  return { call, auth }
}

describe.each(['2025-11-25', '2026-07-28'] as const)('scopeChallenge of SDK 2.x, revision %s', revision => {
  it('accepts a token that has the scope', async () => {
    const { call } = serve()
    const response = await call(['files:read', 'files:write'], revision)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('written')
  })

  it('answers 403 with the scope, and with those that clients of the revision would lose', async () => {
    const { call } = serve()
    const response = await call(['files:read'], revision)
    expect(response.status).toBe(403)
    const challenge = response.headers.get('www-authenticate')
    expect(challenge).toContain('error="insufficient_scope"')
    expect(challenge).toContain(revision === '2026-07-28' ? 'scope="files:write"' : 'scope="files:read files:write"')
    expect(challenge).toContain('/.well-known/oauth-protected-resource/mcp"')
  })

  it('tells the observer that the request was refused', async () => {
    const decisions: Decision[] = []
    const { call } = serve({}, { decision: decision => decisions.push(decision) })
    await call(['files:read'], revision)
    expect(decisions.at(-1)).toMatchObject({
      outcome: 'refused',
      status: 403,
      reason: { kind: 'scope_missing', granted: ['files:read'] },
      operation: { method: 'tools/call', name: 'write_file' },
      token: { subject: 'ada' },
    })
  })

  it('never runs the tool where the declaration has another rule for it', async () => {
    const { call } = serve({ access: { tools: { write_file: ['files:read'] } } })
    const response = await call(['files:read', 'files:write'], revision)
    expect(await response.text()).not.toContain('written')
  })
})

it('names the two rules that contradict each other', async () => {
  const { auth } = serve({ access: { tools: { write_file: ['files:read'] } } })
  const challenge = auth.scopeChallenge('files:write')
  const authInfo = { scopes: [], extra: { token: { scopes: ['files:read'] } as never } }
  expect(() => challenge({ request: { method: 'tools/call', params: { name: 'write_file' } }, authInfo })).toThrow(
    'tools/call write_file needs [files:write] by scopeChallenge and [files:read] by the declaration; keep one',
  )
})

it('does not let a server without protect be taken for one that is protected', () => {
  const { auth } = serve()
  const challenge = auth.scopeChallenge('files:write')
  expect(() => challenge({ request: { method: 'tools/call', params: { name: 'write_file' } } })).toThrow(
    'scopeChallenge needs protect(auth) in front of the MCP server',
  )
})
