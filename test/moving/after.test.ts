// Pages of which only the way it is afterwards can be run: what people come from is not to be had as a package.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createMcpUser } from '../e2e/mcp-user.ts'
import { follow } from '../support/follow.ts'
import { freePort } from '../support/http.ts'
import { readMove } from './page.ts'
import { folderWith, run } from './running.ts'

/** In place of the handler of the reference server: says whose the session would be. */
const HANDLER = `import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

export async function handleStreamableHTTP(req, res) {
  const server = new McpServer({ name: 'reference', version: '1.0.0' })
  server.registerTool('owner', {}, ({ authInfo }) => ({ content: [{ type: 'text', text: authInfo.extra.userId }] }))
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await server.connect(transport)
  await transport.handleRequest(req, res, req.body)
}
`

describe('docs/moving/reference-remote-server.md', () => {
  it('ends in a server that knows the owner of a session by issuer and subject', async () => {
    const origin = `http://localhost:${await freePort()}`
    const { after } = readMove('reference-remote-server.md')
    expect(after.size).toBe(1)
    await run(folderWith(new Map([...after, ['shttp.ts', HANDLER]])), 'server.ts', origin, {})
    const ada = createMcpUser('1.x', `${origin}/mcp`, 'ada')
    await ada.connect()
    expect(JSON.parse((await ada.call('owner')).text)).toEqual([origin, 'ada'])
  })
})

describe('docs/moving/oauth2-proxy.md', () => {
  it('ends in a gateway that lets clients sign in', async () => {
    const page = readFileSync(new URL('../../docs/moving/oauth2-proxy.md', import.meta.url), 'utf8')
    const [PORT, AUTH_SERVER_PORT, target] = [await freePort(), await freePort(), await freePort()].map(String)
    const replace = (text: string) =>
      text
        .replaceAll('localhost:3232', `localhost:${PORT}`)
        .replaceAll('127.0.0.1:8000', `127.0.0.1:${target}`)
        .replaceAll('PORT=8000', `PORT=${target}`)
    expect(await follow(page, { replace, env: { PORT, AUTH_SERVER_PORT } })).toBe(5)
  })
})
