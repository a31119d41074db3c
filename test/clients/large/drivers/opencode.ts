import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installedName, type RealClient } from '../../client.ts'
import { createDesk } from '../../desk.ts'
import { startModel, wish } from '../model.ts'
import { largePackages } from '../packages.ts'

const PROGRAM = join(largePackages, `opencode-${process.platform}-${process.arch}/bin/opencode`)
const PREFIX = 'files_'

/** `opencode mcp auth`, and then `opencode run` with a stand-in for the model. */
export const opencode: RealClient = {
  name: installedName('opencode-ai', largePackages),
  start(server) {
    const desk = createDesk(server)
    const model = startModel(tool => PREFIX + tool)

    async function opencode(...args: readonly string[]): Promise<string> {
      const { origin } = await model
      const config = {
        mcp: {
          files: {
            type: 'remote',
            url: server.url,
            enabled: true,
            ...(server.clientId !== undefined && { oauth: { clientId: server.clientId } }),
          },
        },
        provider: { anthropic: { options: { baseURL: `${origin}/v1`, apiKey: 'sk-none' } } },
        autoupdate: false,
        share: 'disabled',
      }
      writeFileSync(join(desk.home, 'opencode.json'), JSON.stringify(config))
      // In a new home it installs a package of its own first.
      const { code, stdout, stderr } = await desk.exec(PROGRAM, args, { seconds: 240 })
      if (code !== 0) throw new Error(stderr || stdout)
      return stdout + stderr
    }
    const say = (text: string) =>
      opencode('run', '--auto', '--format', 'json', '-m', 'anthropic/claude-sonnet-4-5', text)

    return {
      connect: async () => void (await opencode('mcp', 'auth', 'files')),
      async list() {
        await say('hello')
        const { offered } = await model
        return [...offered].filter(name => name.startsWith(PREFIX)).map(name => name.slice(PREFIX.length))
      },
      call: (tool, args) => say(wish({ tool, args })),
      opened: desk.opened,
      async close() {
        await (await model).close()
        desk.close()
      },
    }
  },
}
