import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { installedName, type RealClient } from '../../client.ts'
import { createDesk } from '../../desk.ts'
import { startModel } from '../model.ts'
import { largePackages } from '../packages.ts'
import { sessionOf } from '../session.ts'

const PROGRAM = join(largePackages, `@github/copilot-${process.platform}-${process.arch}/copilot`)
const MOST_SECONDS = 120
const SIGN_IN = '/mcp auth files'

/**
 * `copilot` in a pseudo-terminal, where it opens the browser by itself at first and for `/mcp auth files` later, and then `copilot -p` with a
 * stand-in for the model.
 */
export const copilot: RealClient = {
  name: installedName('@github/copilot', largePackages),
  start(server) {
    const desk = createDesk(server)
    const model = startModel('files-')
    const folder = join(desk.home, '.copilot')
    const tokens = join(folder, 'mcp-oauth-config')
    mkdirSync(tokens, { recursive: true })
    const known = server.clientId === undefined ? {} : { oauthClientId: server.clientId, oauthPublicClient: true }
    const entry = { type: 'http', url: server.url, tools: ['*'], ...known }
    writeFileSync(join(folder, 'mcp-config.json'), JSON.stringify({ mcpServers: { files: entry } }))
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ trusted_folders: [desk.home] }))

    const environment = async () => ({
      COPILOT_PROVIDER_BASE_URL: (await model).origin,
      COPILOT_PROVIDER_TYPE: 'anthropic',
      COPILOT_PROVIDER_API_KEY: 'none',
      COPILOT_MODEL: 'claude-sonnet-4-5',
      COPILOT_AUTO_UPDATE: 'false',
      // It unpacks itself, which a new home would make it do each time.
      COPILOT_CACHE_HOME: join(largePackages, '.cache/copilot'),
    })
    async function say(text: string): Promise<string> {
      const args = ['--allow-all-tools', '--no-color', '-p', text]
      const options = { env: await environment(), seconds: MOST_SECONDS }
      const { code, stdout, stderr } = await desk.exec(PROGRAM, args, options)
      if (code !== 0) throw new Error(stderr || stdout)
      return stdout + stderr
    }
    /** What it has stored, while it may be writing it. */
    const isSignedInSince = (time: number) =>
      readdirSync(tokens)
        .map(name => join(tokens, name))
        .some(file => statSync(file).mtimeMs >= time && /"access_?token"/i.test(readFileSync(file, 'utf8')))

    let isFirst = true
    return {
      ...sessionOf({ desk, model, say }),
      async connect() {
        const before = desk.opened().length
        const started = Date.now()
        async function until(what: string, isSo: () => boolean): Promise<void> {
          while (!isSo()) {
            if (Date.now() > started + MOST_SECONDS * 1000) throw new Error(`copilot has not ${what}`)
            await setTimeout(100)
          }
        }
        const terminal = spawn('script', ['-qec', `stty rows 40 cols 120; ${PROGRAM}`, '/dev/null'], {
          cwd: desk.home,
          env: { ...desk.env, ...(await environment()), TERM: 'xterm-256color' },
          stdio: ['pipe', 'pipe', 'ignore'],
          detached: true,
        })
        let shown = ''
        terminal.stdout.on('data', chunk => {
          shown += chunk
        })
        const shows = (text: string) => stripVTControlCharacters(shown).includes(text)
        try {
          if (!isFirst) {
            await until('asked what to do', () => shows('? help'))
            terminal.stdin.write(SIGN_IN)
            await until('shown what was typed', () => shows(SIGN_IN))
            terminal.stdin.write('\r')
          }
          isFirst = false
          await until('signed in', () => desk.opened().length > before && isSignedInSince(started))
        } finally {
          if (terminal.pid !== undefined) process.kill(-terminal.pid)
        }
      },
    }
  },
}
