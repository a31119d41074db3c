import type { ServerResponse } from 'node:http'

const KEEP_ALIVE_MILLISECONDS = 15_000

/**
 * A `text/event-stream` answer. Messages of the event-loop turn in which it was opened are held back: most answers are
 * complete by then, and leave in one piece with their length. What takes longer is sent as it comes, kept alive by comments.
 */
export class EventStream {
  readonly #res: ServerResponse
  readonly #headers: Readonly<Record<string, string>>
  readonly #turn = setImmediate(() => this.#open())
  #held: string | undefined = ''
  #keepAlive: NodeJS.Timeout | undefined

  constructor(res: ServerResponse, headers: Readonly<Record<string, string>> = {}) {
    this.#res = res
    this.#headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform', ...headers }
  }

  send(message: object): void {
    const frame = `event: message\ndata: ${JSON.stringify(message)}\n\n`
    if (this.#held === undefined) this.#res.write(frame)
    else this.#held += frame
  }

  end(): void {
    clearImmediate(this.#turn)
    clearInterval(this.#keepAlive)
    if (this.#held !== undefined && !this.#res.headersSent) {
      this.#res.writeHead(200, { ...this.#headers, 'Content-Length': Buffer.byteLength(this.#held) })
    }
    this.#res.end(this.#held)
  }

  #open(): void {
    if (this.#res.destroyed) return
    this.#res.writeHead(200, { ...this.#headers, 'X-Accel-Buffering': 'no' })
    if (this.#held) this.#res.write(this.#held)
    else this.#res.flushHeaders()
    this.#held = undefined
    this.#keepAlive = setInterval(() => this.#res.write(': keep-alive\n\n'), KEEP_ALIVE_MILLISECONDS).unref()
  }
}
