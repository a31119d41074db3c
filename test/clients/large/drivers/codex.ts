import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { installedName, type RealClient } from '../../client.ts'
import { createDesk } from '../../desk.ts'
import { textOf } from '../../drivers/sdk.ts'
import { largePackages } from '../packages.ts'

const SCRIPT = join(largePackages, '@openai/codex/bin/codex.js')

/** `codex mcp login files`, and then its app server, which calls tools without a model. */
export const codex: RealClient = {
  name: installedName('@openai/codex', largePackages),
  start(server) {
    const desk = createDesk(server)
    const folder = join(desk.home, '.codex')
    mkdirSync(folder)
    const known = server.clientId === undefined ? '' : `oauth.client_id = ${JSON.stringify(server.clientId)}\n`
    // Without a keychain it would keep no tokens.
    writeFileSync(
      join(folder, 'config.toml'),
      `mcp_oauth_credentials_store = "file"\n[mcp_servers.files]\nurl = ${JSON.stringify(server.url)}\n${known}`,
    )
    let app: AppServer | undefined

    async function reopen(): Promise<void> {
      app?.close()
      app = await AppServer.start(desk.home, desk.env)
    }

    return {
      async connect() {
        app?.close()
        const { code, stdout, stderr } = await desk.exec(process.execPath, [SCRIPT, 'mcp', 'login', 'files'])
        if (code !== 0) throw new Error(stderr || stdout)
        await reopen()
      },
      reopen,
      async list() {
        const answer = await app?.request('mcpServerStatus/list', { serverName: 'files' })
        const { data } = answer as { data: { name: string; tools: Record<string, unknown> }[] }
        return Object.keys(data.find(({ name }) => name === 'files')?.tools ?? {})
      },
      async call(tool, args) {
        const threadId = await app?.thread()
        return textOf(await app?.request('mcpServer/tool/call', { threadId, server: 'files', tool, arguments: args }))
      },
      opened: desk.opened,
      async close() {
        app?.close()
        desk.close()
      },
    }
  },
}

/** `codex app-server`: JSON lines over standard input and output. */
class AppServer {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #lastId = 0
  #thread: Promise<string> | undefined

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child
    createInterface({ input: child.stdout }).on('line', line => {
      const { id, result, error } = JSON.parse(line) as { id?: number; result?: unknown; error?: { message: string } }
      const waiting = this.#waiting.get(id ?? 0)
      if (error) waiting?.reject(new Error(error.message))
      else waiting?.resolve(result)
    })
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('codex app-server has ended'))
    })
  }

  static async start(cwd: string, env: Record<string, string>): Promise<AppServer> {
    const app = new AppServer(spawn(process.execPath, [SCRIPT, 'app-server'], { cwd, env, detached: true }))
    await app.request('initialize', { clientInfo: { name: 'desk', title: 'Desk', version: '1.0.0' } })
    app.#send({ method: 'initialized' })
    return app
  }

  request(method: string, params: object): Promise<unknown> {
    const id = ++this.#lastId
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting.set(id, waiting)
    this.#send({ id, method, params })
    return waiting.promise
  }

  thread(): Promise<string> {
    this.#thread ??= this.request('thread/start', { ephemeral: true }).then(
      answer => (answer as { thread: { id: string } }).thread.id,
    )
    return this.#thread
  }

  #send(message: object): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`)
  }

  close(): void {
    // The script has started a program, in the same group.
    if (this.#child.pid !== undefined && this.#child.exitCode === null) process.kill(-this.#child.pid)
  }
}
