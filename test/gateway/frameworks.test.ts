import { describe, expect, it } from 'vitest'
import { startGatewayTo } from '../e2e/gateway-servers.ts'
import { createMcpUser, type McpUser, type Sdk } from '../e2e/mcp-user.ts'
import { callTool } from '../frameworks/support/call-tool.ts'
import { programOf, startNotes } from './notes-servers.ts'

// Servers on frameworks of others, started as their documentation says, which know nothing of a sign-in.

interface Way {
  readonly name: string
  target(): Promise<string | readonly [string, ...string[]]>
  /** Clients that can speak to it: 2.x insists on 2026-07-28. */
  readonly sdks: readonly Sdk[]
  readonly keepsSessions?: true
}

const ways: readonly Way[] = [
  { name: 'fastmcp over HTTP', target: () => startNotes('fastmcp'), sdks: ['1.x'], keepsSessions: true },
  {
    name: 'fastmcp over stdio',
    target: async () => [process.execPath, programOf('fastmcp')],
    sdks: ['1.x'],
    keepsSessions: true,
  },
  { name: 'mcp-handler', target: () => startNotes('mcp-handler'), sdks: ['1.x', '2.x'] },
  { name: 'mcp-use', target: () => startNotes('mcp-use'), sdks: ['1.x', '2.x'] },
]

const declaration = {
  name: 'Notes',
  scopes: { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' },
  initialScopes: ['notes:read'],
  listing: 'hide',
  access: { tools: { write_note: ['notes:write'] } },
} as const

async function signedIn(sdk: Sdk, resource: string, name: string): Promise<McpUser> {
  const user = createMcpUser(sdk, resource, name)
  await user.connect()
  return user
}

const toolsOf = async (user: McpUser) => (await user.listTools()).map(({ name }) => name).sort()

describe.each(ways)('$name', ({ target, sdks, keepsSessions }) => {
  it.each(sdks)('client %s signs in, sees and calls what its token allows, and the rest after a step-up', async sdk => {
    const gateway = await startGatewayTo(await target(), { declaration })
    const calls = () => gateway.events().filter(({ event }) => event === 'tool_called')
    const ada = await signedIn(sdk, gateway.resource, 'ada')
    expect(ada.memory.scopes).toEqual(['notes:read'])
    expect(await toolsOf(ada)).toEqual(['read_note', 'release', 'wait'])
    expect(await ada.call('read_note', { name: 'a' })).toEqual({ isError: false, text: 'Hello' })
    expect(calls()).toHaveLength(1)

    const write = ['write_note', { name: 'b', text: 'new' }] as const
    await expect(ada.call(...write)).rejects.toThrow()
    expect(calls()).toHaveLength(1)
    await ada.finishSignIn()
    expect(await ada.call(...write)).toEqual({ isError: false, text: 'wrote b' })
    expect(await ada.call('read_note', { name: 'b' })).toEqual({ isError: false, text: 'new' })
    expect(await toolsOf(ada)).toEqual(['read_note', 'release', 'wait', 'write_note'])
  })

  it('never sees a request without a token, nor a call that the token does not allow', async () => {
    const gateway = await startGatewayTo(await target(), { declaration })
    const { origin } = new URL(gateway.resource)
    const anonymous = await callTool(origin, 'read_note')
    expect(anonymous.status).toBe(401)
    expect(anonymous.headers.get('www-authenticate')).toContain('resource_metadata=')
    const ada = await signedIn('1.x', gateway.resource, 'ada')
    const refused = await callTool(origin, 'write_note', ada.memory.accessToken)
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toMatch(
      /error="insufficient_scope".*scope="notes:read notes:write"/,
    )
    expect(gateway.events().filter(({ event }) => event === 'tool_called')).toEqual([])
  })

  it('has its answers streamed: progress arrives before the call ends', async () => {
    const gateway = await startGatewayTo(await target(), { declaration })
    const ada = await signedIn('1.x', gateway.resource, 'ada')
    // The tool ends only after a call that is made when its progress has arrived.
    const released: Promise<unknown>[] = []
    const onprogress = () => void released.push(ada.call('release'))
    expect(await ada.call('wait', {}, { onprogress })).toEqual({ isError: false, text: 'released' })
    expect(released).toHaveLength(1)
    await Promise.all(released)
  })

  it.runIf(keepsSessions)('has sessions that are 404 for everybody else, as one that does not exist', async () => {
    const gateway = await startGatewayTo(await target(), { declaration })
    const ada = await signedIn('1.x', gateway.resource, 'ada')
    const cleo = await signedIn('1.x', gateway.resource, 'cleo')
    const session = ada.sessionId()
    expect(session).toBeTypeOf('string')
    const ask = async (who: McpUser, id: string) => {
      const response = await fetch(gateway.resource, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          Accept: 'application/json, text/event-stream',
          Authorization: `Bearer ${who.memory.accessToken}`,
          'Mcp-Session-Id': id,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/list', params: {} }),
      })
      const text = await response.text()
      return { status: response.status, text: text.replace(/"request_id":"[^"]*"/, '') }
    }
    expect((await ask(ada, String(session))).status).toBe(200)
    const foreign = await ask(cleo, String(session))
    expect(foreign.status).toBe(404)
    expect(await ask(cleo, 'never-given-out')).toEqual(foreign)
    expect(await toolsOf(ada)).toContain('read_note')
  })
})
