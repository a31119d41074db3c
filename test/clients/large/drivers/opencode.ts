import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installedName, type RealClient } from '../../client.ts'
import { createDesk } from '../../desk.ts'
import { startModel } from '../model.ts'
import { largePackages } from '../packages.ts'
import { sessionOf } from '../session.ts'

const PROGRAM = join(largePackages, `opencode-${process.platform}-${process.arch}/bin/opencode`)

/** `opencode mcp auth`, and then `opencode run` with a stand-in for the model. */
export const opencode: RealClient = {
  name: installedName('opencode-ai', largePackages),
  start(server) {
    const desk = createDesk(server)
    const model = startModel('files_')

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
      ...sessionOf({ desk, model, say }),
      connect: async () => void (await opencode('mcp', 'auth', 'files')),
    }
  },
}
