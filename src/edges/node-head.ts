import type { IncomingMessage } from 'node:http'
import type { RequestHead } from '../auth.ts'

/** What `Auth.authenticate` reads of a request of `node:http`. Express and Fastify requests are such. */
export function requestHead(request: IncomingMessage & { originalUrl?: string }): RequestHead {
  return new NodeRequestHead(request)
}

class NodeRequestHead implements RequestHead {
  readonly #request: IncomingMessage & { originalUrl?: string }

  constructor(request: IncomingMessage & { originalUrl?: string }) {
    this.#request = request
  }

  get method(): string {
    return this.#request.method ?? ''
  }

  /** Routers shorten `url` by the part that they have matched. */
  get url(): string {
    return this.#request.originalUrl ?? this.#request.url ?? ''
  }

  get connection(): object {
    return this.#request.socket
  }

  get address(): string | undefined {
    return this.#request.socket.remoteAddress
  }

  /** `node:http` keeps the first of several of these headers and drops the rest, so they are counted where they came in. */
  header(name: string): readonly string[] {
    const { headers, rawHeaders } = this.#request
    // HTTP/2 has a name of its own for it.
    const value = headers[name] ?? (name === 'host' ? headers[':authority'] : undefined)
    if (value === undefined) return NONE
    if (name !== 'authorization' && name !== 'host') return [String(value)]
    const values: string[] = []
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const header = rawHeaders[index] as string
      if (header.length === name.length && header.toLowerCase() === name) values.push(rawHeaders[index + 1] as string)
    }
    // None of that name: HTTP/2.
    return values.length ? values : [String(value)]
  }
}

const NONE: readonly string[] = []
