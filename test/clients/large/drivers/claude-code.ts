import { join } from 'node:path'
import { freePort } from '../../../support/http.ts'
import { installedName, type RealClient } from '../../client.ts'
import { createDesk } from '../../desk.ts'
import { startModel } from '../model.ts'
import { largePackages } from '../packages.ts'
import { sessionOf } from '../session.ts'

const PROGRAM = join(largePackages, `@anthropic-ai/claude-code-${process.platform}-${process.arch}/claude`)

/** `claude mcp add`, `claude mcp login`, and then `claude -p` with a stand-in for the model. */
export const claudeCode: RealClient = {
  name: installedName('@anthropic-ai/claude-code', largePackages),
  start(server) {
    const desk = createDesk(server)
    const model = startModel('mcp__files__')

    const claude = (...args: readonly string[]) => run(PROGRAM, args)
    /** In a pseudo-terminal, without which it opens no browser. */
    const atTerminal = (...args: readonly string[]) =>
      run('script', ['-qec', [PROGRAM, ...args].join(' '), '/dev/null'])

    async function run(file: string, args: readonly string[]): Promise<string> {
      const { origin } = await model
      const env = {
        ANTHROPIC_BASE_URL: origin,
        ANTHROPIC_API_KEY: 'sk-none',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
        ENABLE_TOOL_SEARCH: 'false',
        // Or, on a busy machine, it would ask the model before it has reached the server.
        MCP_CONNECTION_NONBLOCKING: 'false',
      }
      const { code, stdout, stderr } = await desk.exec(file, args, { env, seconds: 120 })
      if (code !== 0) throw new Error(stderr || stdout)
      return stdout
    }

    const say = (text: string) => claude('-p', text, '--allowedTools', 'mcp__files')
    let isAdded = false
    return {
      ...sessionOf({ desk, model, say }),
      async connect() {
        if (!isAdded) {
          const known =
            server.clientId === undefined
              ? []
              : ['--client-id', server.clientId, '--callback-port', `${await freePort()}`]
          await claude('mcp', 'add', '--transport', 'http', ...known, 'files', server.url)
          isAdded = true
        }
        await atTerminal('mcp', 'login', 'files')
      },
    }
  },
}
