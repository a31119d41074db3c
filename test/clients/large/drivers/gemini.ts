import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installedName, type RealClient } from '../../client.ts'
import { createDesk, type ExecOptions } from '../../desk.ts'
import { startModel } from '../model.ts'
import { largePackages } from '../packages.ts'
import { sessionOf } from '../session.ts'

const SCRIPT = join(largePackages, '@google/gemini-cli/bundle/gemini.js')

/** `gemini -p '/mcp auth files'`, and then `gemini -p` with a stand-in for the model. */
export const gemini: RealClient = {
  name: installedName('@google/gemini-cli', largePackages),
  start(server) {
    const desk = createDesk(server)
    const model = startModel('mcp_files_')
    mkdirSync(join(desk.home, '.gemini'))
    const known = server.clientId === undefined ? {} : { oauth: { enabled: true, clientId: server.clientId } }
    const settings = {
      security: { auth: { selectedType: 'gemini-api-key' } },
      privacy: { usageStatisticsEnabled: false },
      general: { enableAutoUpdate: false },
      mcpServers: { files: { httpUrl: server.url, trust: true, ...known } },
    }
    writeFileSync(join(desk.home, '.gemini/settings.json'), JSON.stringify(settings))

    /** @param reply - Typed at its terminal, when it asks. */
    async function run(prompt: string, reply?: ExecOptions['reply']) {
      const { origin } = await model
      const env = {
        GEMINI_API_KEY: 'none',
        GOOGLE_GEMINI_BASE_URL: origin,
        GEMINI_CLI_TRUST_WORKSPACE: 'true',
        GEMINI_CLI_NO_RELAUNCH: 'true',
        DISPLAY: ':0',
      }
      const args = [SCRIPT, '-m', 'gemini-2.5-pro', '--approval-mode', 'yolo', '-p', prompt]
      return desk.exec(process.execPath, args, { env, seconds: 120, ...(reply && { reply }) })
    }
    async function say(text: string): Promise<string> {
      const { code, stdout, stderr } = await run(text)
      if (code !== 0) throw new Error(stderr || stdout)
      return stdout + stderr
    }

    return {
      ...sessionOf({ desk, model, say }),
      async connect() {
        const before = desk.opened().length
        // It has no way to answer a command without a terminal, and ends with an error after it has done what it was told.
        const { stdout, stderr } = await run('/mcp auth files', { to: '[Y/n]', text: 'y\n' })
        if (desk.opened().length === before) throw new Error(stderr || stdout)
      },
    }
  },
}
