import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installedName, type RealClient } from '../client.ts'
import { createDesk } from '../desk.ts'

/** `npx mcporter auth files`, and then its other commands. */
export const mcporter: RealClient = {
  name: installedName('mcporter'),
  // The tokens of the bridge last for as long as it takes tokens for ended before their end.
  endures: ['demo', 'gateway', 'direct'],
  start(server) {
    const desk = createDesk(server)
    const config = join(desk.home, 'mcporter.json')
    const known = server.clientId === undefined ? {} : { oauthClientId: server.clientId }
    const entry = { baseUrl: server.url, auth: 'oauth', ...known }
    writeFileSync(config, JSON.stringify({ mcpServers: { files: entry }, imports: [] }))

    async function invoke(...args: readonly string[]): Promise<string> {
      const { code, stdout, stderr } = await desk.run('mcporter/dist/cli.js', '--config', config, ...args)
      if (code !== 0) throw new Error(stderr || stdout)
      return stdout
    }

    return {
      connect: async () => void (await invoke('auth', 'files')),
      async list() {
        const { tools } = JSON.parse(await invoke('list', 'files', '--json')) as { tools?: { name: string }[] }
        return tools?.map(({ name }) => name) ?? []
      },
      call: (name, args) =>
        invoke('call', `files.${name}`, ...Object.entries(args).map(([key, value]) => `${key}=${value}`)),
      opened: desk.opened,
      close: async () => desk.close(),
    }
  },
}
