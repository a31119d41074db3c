import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { installedName, type RealClient } from '../client.ts'
import { createDesk, packages } from '../desk.ts'
import { textOf } from './sdk.ts'

/** `npx mcp-remote URL` as a desktop application starts it: over standard input and output. */
export const mcpRemote: RealClient = {
  name: installedName('mcp-remote'),
  start(server) {
    const desk = createDesk(server)
    const known = server.clientId === undefined ? undefined : JSON.stringify({ client_id: server.clientId })
    const host = new Client({ name: 'host', version: '1.0.0' })
    const args = [join(packages, 'mcp-remote/dist/proxy.js'), server.url]
    if (known !== undefined) args.push('--static-oauth-client-info', known)
    const patience = { timeout: 120_000 }

    async function connect(): Promise<void> {
      await host.close()
      await host.connect(
        new StdioClientTransport({
          command: process.execPath,
          args,
          env: desk.env,
          cwd: desk.home,
          stderr: 'ignore',
        }),
        patience,
      )
    }

    return {
      connect,
      reopen: connect,
      list: async () => (await host.listTools({}, patience)).tools.map(({ name }) => name),
      call: async (name, args) => textOf(await host.callTool({ name, arguments: args }, undefined, patience)),
      opened: desk.opened,
      async close() {
        await host.close()
        desk.close()
      },
    }
  },
}
