import type { Socket } from 'node:net'
import { socketProblem } from './socket-file.ts'

/** Bytes kept for a watcher that is not there, or does not read. */
const MOST_BYTES = 262_144
/** Older records are not worth telling a watcher that comes late. */
const KEPT_MILLISECONDS = 600_000
/** Whatever strangers send, this many records a second are made. */
const MOST_PER_SECOND = 500
const FLUSH_MILLISECONDS = 20
const LOOK_MILLISECONDS = 1_000

export interface Writer {
  /** Whether another record fits into this second. Counts it if not. */
  admits(): boolean
  write(record: object): void
  /** Told at the beginning of each connection, once: what cannot start is started again, and says the same. */
  greet(hello: object): void
  /** Writes what is left, as far as it is read at once. */
  close(): void
}

export interface WriterOptions {
  /** Of the socket, or name of the pipe. */
  readonly path: string
  /** Told why nothing is written, once for each cause. */
  readonly onProblem: (problem: string) => void
  readonly now?: () => number
}

/**
 * Writes lines to the socket of a watcher, where there is one. Nobody waits for it: what a watcher does not read in time is dropped, the
 * oldest first, and counted.
 */
export function createWriter({ path, onProblem, now = Date.now }: WriterOptions): Writer {
  const hellos = new Set<string>()
  const told = new Set<string>()
  let kept: { readonly at: number; readonly line: string }[] = []
  let bytes = 0
  let lost = 0
  let socket: Socket | undefined
  let isOpen = false
  let isLooking = false
  let isClosed = false
  let flushing: NodeJS.Timeout | undefined
  let second = 0
  let inSecond = 0

  const looking = setInterval(look, LOOK_MILLISECONDS)
  looking.unref?.()
  look()

  function look(): void {
    if (isOpen) flush()
    if (socket || isLooking || isClosed) return
    isLooking = true
    void find().finally(() => {
      isLooking = false
    })
  }

  async function find(): Promise<void> {
    const problem = await socketProblem(path)
    if (isClosed || problem === 'absent') return
    if (problem !== undefined) return tell(problem)
    const { connect } = await import('node:net')
    const opened = connect(path)
    socket = opened
    opened.unref()
    // Read, although nothing comes: that is how the end is noticed.
    opened.resume()
    opened.on('drain', flush)
    opened.on('error', ({ code }: NodeJS.ErrnoException) => {
      // A watcher that was killed leaves its socket behind.
      if (code !== 'ECONNREFUSED' && code !== 'EPIPE' && code !== 'ECONNRESET' && code !== 'ENOENT') {
        tell(`cannot be written to by the user of this server (${code})`)
      }
    })
    opened.on('close', () => {
      if (socket === opened) socket = undefined
      isOpen = false
    })
    opened.on('connect', () => {
      if (isClosed) return void opened.destroy()
      isOpen = true
      opened.write([...hellos].join(''))
      flush()
    })
  }

  function tell(problem: string): void {
    if (told.has(problem)) return
    told.add(problem)
    onProblem(problem)
  }

  function flush(): void {
    clearTimeout(flushing)
    flushing = undefined
    if (!isOpen || !socket || (kept.length === 0 && lost === 0) || socket.writableLength > 0) return
    const from = now() - KEPT_MILLISECONDS
    const lines = kept.filter(({ at }) => at >= from).map(({ line }) => line)
    if (lost > 0) lines.unshift(lineOf({ type: 'lost', at: now(), count: lost }))
    kept = []
    bytes = 0
    lost = 0
    socket.write(lines.join(''))
  }

  return {
    admits() {
      const at = Math.floor(now() / 1_000)
      if (at !== second) [second, inSecond] = [at, 0]
      if (++inSecond <= MOST_PER_SECOND) return true
      lost++
      return false
    },
    write(record) {
      if (isClosed) return
      const line = lineOf(record)
      kept.push({ at: now(), line })
      bytes += line.length
      while (bytes > MOST_BYTES) {
        bytes -= kept.shift()?.line.length ?? bytes
        lost++
      }
      if (!isOpen || flushing) return
      flushing = setTimeout(flush, FLUSH_MILLISECONDS)
      flushing.unref?.()
    },
    greet(hello) {
      const line = lineOf(hello)
      if (hellos.has(line)) return
      hellos.add(line)
      if (isOpen) socket?.write(line)
    },
    close() {
      if (isClosed) return
      isClosed = true
      clearInterval(looking)
      flush()
      socket?.end()
    },
  }
}

const lineOf = (record: object) => `${JSON.stringify(record)}\n`
