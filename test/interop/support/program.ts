import { type ChildProcess, fork, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A server of `packages` in a process of its own. */
export interface Program {
  /** Has it listen; set up at the first time. */
  start(): Promise<void>
  /** Has it listen no more; it forgets nothing. */
  stop(): Promise<void>
  /** Ends the process. */
  end(): Promise<void>
  /** @throws {Error} With what the process says. */
  call<T = void>(command: string, ...args: readonly unknown[]): Promise<T>
}

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/**
 * @param name - Of its file, without `.js`.
 * @param settings - What it is set up with; JSON.
 */
export function createProgram(name: string, settings: object): Program {
  const folder = fileURLToPath(new URL('../packages/', import.meta.url))
  let running: ReturnType<typeof controlled> | undefined
  const call = <T = void>(command: string, ...args: readonly unknown[]) => {
    if (!running) throw new Error(`${name} does not run`)
    return running.call<T>(command, ...args)
  }
  return {
    async start() {
      if (!running) {
        const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'ipc']
        running = controlled(name, fork(`${folder}${name}.js`, { cwd: folder, env: environment(), stdio }))
        await call('setUp', settings)
      }
      await call('listen')
    },
    stop: () => call('close'),
    async end() {
      await running?.end()
    },
    call,
  }
}

/** No settings of whoever runs the tests reach a server. */
export function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME }
}

function controlled(name: string, child: ChildProcess) {
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (log += chunk))
  const waiting = new Map<number, (reply: Reply) => void>()
  const ended = once(child, 'exit')
  child.on('message', (reply: Reply) => waiting.get(reply.id)?.(reply))
  child.on('exit', code => {
    for (const [id, settle] of waiting) settle({ id, error: `${name} ended with ${code}: ${log}` })
  })
  let last = 0
  return {
    async call<T>(command: string, ...args: readonly unknown[]): Promise<T> {
      const id = ++last
      const reply = await new Promise<Reply>(resolve => {
        waiting.set(id, resolve)
        child.send({ id, command, args })
      })
      waiting.delete(id)
      if (reply.error !== undefined) throw new Error(`${name}, ${command}: ${reply.error}\n${log}`)
      return reply.result as T
    },
    /** It ends by itself when nobody is connected, and removes what it left. */
    async end() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
