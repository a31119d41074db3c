import { freePort } from '../../support/http.ts'
import { installedName, type RealClient } from '../client.ts'
import { createDesk } from '../desk.ts'
import { textOf } from './sdk.ts'

/** `npx @modelcontextprotocol/inspector --cli URL --method …`: each command is a connection of its own. */
export const inspector: RealClient = {
  name: installedName('@modelcontextprotocol/inspector'),
  // It keeps no sign-in from one command to the next.
  endures: [],
  start(server) {
    const desk = createDesk(server)
    const known = server.clientId === undefined ? [] : ['--client-id', server.clientId]

    async function invoke(method: string, ...args: readonly string[]): Promise<unknown> {
      const callback = `http://127.0.0.1:${await freePort()}/oauth/callback`
      const { code, stdout, stderr } = await desk.run(
        '@modelcontextprotocol/inspector/clients/launcher/build/index.js',
        ...['--cli', server.url, '--transport', 'http', '--callback-url', callback, '--format', 'json', ...known],
        ...['--method', method, ...args],
      )
      if (code !== 0) throw new Error(stderr || stdout)
      return (JSON.parse(stdout) as { result: unknown }).result
    }
    const list = async () => {
      const { tools } = (await invoke('tools/list')) as { tools: { name: string }[] }
      return tools.map(({ name }) => name)
    }

    return {
      connect: async () => void (await list()),
      list,
      async call(name, args) {
        const result = await invoke('tools/call', '--tool-name', name, '--tool-args-json', JSON.stringify(args))
        return textOf(result)
      },
      opened: desk.opened,
      close: async () => desk.close(),
    }
  },
}
