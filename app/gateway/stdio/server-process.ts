import { PassThrough, type Readable, type Writable } from 'node:stream'
import { type JSONRPCMessage, ReadBuffer, serializeMessage } from '@modelcontextprotocol/client'
import type { Connection, ConnectionEnd, ConnectionHandlers } from '../sessions/connection.ts'
import { receive } from '../sessions/receive.ts'
import type { OrphanGuard } from './orphan-guard.ts'
import { startTree } from './process-tree.ts'

/** A running command, and the JSON-RPC messages on its standard input and output. */
export interface ServerProcess extends Connection {
  /** `undefined` when it could not be started. */
  readonly pid: number | undefined
  readonly ended: ProcessEnd | undefined
  /** Resolves when it has ended, and all that it started has been told to. Never rejects. */
  readonly gone: Promise<void>
  /** Closes the standard input, then asks the command and all that it started to end, then ends it. Idempotent. */
  stop(): Promise<void>
}

export interface ProcessEnd extends ConnectionEnd {
  /** It was told to end. */
  readonly expected: boolean
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ServerProcessOptions extends Pick<ConnectionHandlers, 'onMessage' | 'onMalformed'> {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string>>
  readonly guard: OrphanGuard
  /** Default: that of this machine. */
  readonly platform?: NodeJS.Platform
  /** Called once. Messages do not come any more. */
  readonly onEnd: (end: ProcessEnd) => void
  /** A line of standard error, without its end; a long one is cut. */
  readonly onLine: (line: string) => void
  /** Something on standard output is not a message, or one that nobody waits for. Reason: in words for the log. */
  readonly onInvalid: (reason: string) => void
}

/** Bytes of one message of the server; a longer one ends the process. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const MAX_LINE_LENGTH = 4096
/** For the server to end by itself when its standard input does, and again when it was asked to by a signal. */
const GRACE_MILLISECONDS = 2000
const POLL_MILLISECONDS = 50
const NEW_LINE = 0x0a

export function startServerProcess(options: ServerProcessOptions): ServerProcess {
  const { guard, onMessage, onEnd, onLine, onInvalid } = options
  const gone = Promise.withResolvers<void>()
  const exited = Promise.withResolvers<void>()
  const buffer = new ReadBuffer({ maxBufferSize: MAX_MESSAGE_BYTES })
  /** The line that is being read. */
  const line: Buffer[] = []
  let ended: ProcessEnd | undefined
  let isCorked = false
  let stopping: Promise<void> | undefined
  let drain: PromiseWithResolvers<void> | undefined

  const tree = startTree(options.command, options.args, { cwd: options.cwd, env: options.env }, options.platform)
  const { child, pid } = tree
  // Without file descriptors to spare there are no pipes; `error` comes a moment later.
  const [stdin, stdout, stderr] = [child.stdin, child.stdout, child.stderr].map(pipe => pipe ?? new PassThrough()) as [
    Writable,
    Readable,
    Readable,
  ]
  if (pid !== undefined) guard.watch(pid)

  function end(reason: string, code: number | null, signal: NodeJS.Signals | null): void {
    if (ended) return
    ended = { reason, code, signal, expected: stopping !== undefined }
    release()
    onEnd(ended)
  }

  function release(): void {
    drain?.resolve()
    drain = undefined
  }

  /** Whether the process and all that it started have ended within the time. */
  async function endsInTime(): Promise<boolean> {
    const until = performance.now() + GRACE_MILLISECONDS
    await Promise.race([exited.promise, pause(GRACE_MILLISECONDS)])
    while (tree.isRunning()) {
      if (performance.now() >= until) return false
      await pause(POLL_MILLISECONDS)
    }
    return true
  }

  async function stopAll(): Promise<void> {
    stdin.end()
    if (!(await endsInTime())) {
      tree.terminate()
      if (!(await endsInTime())) tree.kill()
    }
    if (pid !== undefined) guard.forget(pid)
    // What left the process group may still hold the pipes.
    for (const pipe of [stdin, stdout, stderr]) pipe.destroy()
    end('stopped', child.exitCode, child.signalCode)
    gone.resolve()
  }

  function stop(): Promise<void> {
    stopping ??= stopAll()
    return stopping
  }

  /** Line by line: the reader passes over lines in silence, or throws them away. */
  function read(chunk: Buffer): void {
    for (let start = 0; start < chunk.length && !ended; ) {
      const next = chunk.indexOf(NEW_LINE, start) + 1
      const piece = next === 0 ? chunk.subarray(start) : chunk.subarray(start, next)
      try {
        buffer.append(piece)
      } catch {
        end(`a message exceeded ${MAX_MESSAGE_BYTES} bytes`, null, null)
        void stop()
        return
      }
      line.push(piece)
      if (next === 0) return
      start = next
      takeLine(line.splice(0))
    }
  }

  function takeLine(pieces: readonly Buffer[]): void {
    const problem = problemOfLine(pieces)
    if (problem) onInvalid(problem)
  }

  function problemOfLine(pieces: readonly Buffer[]): string | undefined {
    let message: JSONRPCMessage | null = null
    try {
      message = buffer.readMessage()
    } catch {
      // Its error does not say whose answer that was.
    }
    if (message) return onMessage(message)
    // Decoded without the byte order mark that some runtimes begin with.
    const text = new TextDecoder().decode(Buffer.concat(pieces)).trim()
    return text === '' ? undefined : receive(text, options)
  }

  child.once('error', error => {
    exited.resolve()
    end((error as NodeJS.ErrnoException).code ?? error.message, null, null)
    void stop()
  })
  child.once('exit', () => exited.resolve())
  // What it said before it ended still counts: `exit` may come before the last of its output, `close` does not. But a grandchild may
  // keep the output open for as long as it lives.
  child.once('exit', (code, signal) => {
    const finish = () => {
      end(signal ? `ended by ${signal}` : `exit code ${code}`, code, signal)
      void stop()
    }
    child.once('close', finish)
    setTimeout(finish, POLL_MILLISECONDS)
  })
  stdin.on('error', () => {}).on('drain', release)
  stdout.on('error', () => {}).on('data', read)
  // Nothing it was asked will be answered any more, be it alive or not. One that is ending says in a moment how.
  stdout.once('end', () => {
    setTimeout(() => {
      end('it closed its standard output', null, null)
      void stop()
    }, 2 * POLL_MILLISECONDS)
  })
  readLines(stderr, onLine)

  return {
    pid,
    get ended() {
      return ended
    },
    gone: gone.promise,
    send(message) {
      if (ended || !stdin.writable) return
      // What arrives in one turn of the event loop leaves in one system call.
      if (!isCorked) {
        isCorked = true
        stdin.cork()
        setImmediate(() => {
          isCorked = false
          stdin.uncork()
        })
      }
      stdin.write(serializeMessage(message as JSONRPCMessage))
    },
    drained() {
      if (ended || !stdin.writableNeedDrain) return Promise.resolve()
      drain ??= Promise.withResolvers()
      return drain.promise
    },
    pause: () => void stdout.pause(),
    resume: () => void stdout.resume(),
    stop,
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}

function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let line = ''
  let isCut = false
  const add = (text: string) => {
    if (line.length + text.length > MAX_LINE_LENGTH) isCut = true
    line += text.slice(0, MAX_LINE_LENGTH - line.length)
  }
  const finish = () => {
    const text = line.replace(/\r$/, '')
    if (text) onLine(isCut ? `${text} …` : text)
    line = ''
    isCut = false
  }
  stream.setEncoding('utf8')
  stream.on('error', () => {})
  stream.on('data', (text: string) => {
    const [first = '', ...others] = text.split('\n')
    add(first)
    for (const next of others) {
      finish()
      add(next)
    }
  })
  stream.on('end', finish)
}
