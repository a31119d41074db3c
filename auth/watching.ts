import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Configuration } from '../config/load.ts'
import type { Answer, AuthObserver, Decision, RequestHead } from '../src/auth.ts'

/** Told of the requests to one MCP server. Must not throw, and nobody waits for it. */
export interface RequestWatch {
  /** @param answer - Absent for a request that may go on. */
  decided(head: RequestHead, body: unknown, decision: Decision, answer?: Answer): void
  /** A document, or a preflight. @param answer - Absent for a path of somebody else. Returned as it is. */
  served<T extends Promise<Answer> | undefined>(head: RequestHead, answer: T): T
}

/** Told of the requests to our own authorization server. */
export interface ServerWatch {
  handler(handler: NodeHandler): NodeHandler
  event(event: string, facts: Readonly<Record<string, unknown>>): void
}

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void

export interface WatchedResource {
  readonly resource: string
  readonly name: string
  readonly trustedProxies: readonly string[]
  /** Of our own authorization server, where its tokens are accepted. */
  readonly ownIssuer: string | undefined
}

/** What writes for `idplug watch`. */
export interface LoadedWatch {
  resource(facts: WatchedResource): RequestWatch
  server(configuration: Configuration): ServerWatch
  close(): void
}

/** A {@link LoadedWatch} on its way. */
export interface Watching {
  resource(facts: WatchedResource): RequestWatch
  /** `undefined` where the code for it is missing. */
  readonly loaded: Promise<LoadedWatch | undefined>
  close(): Promise<void>
}

/**
 * Writes to the socket that `AUTH_WATCH` names, for `idplug watch`. The code for it is loaded now, so that servers without the setting do
 * not hold it.
 */
export function startWatching(path: string, { warning }: AuthObserver): Watching {
  const onProblem = (problem: string) => warning?.(`AUTH_WATCH ${problem}; nothing is written to it.`, { path })
  const loaded = import('./watch/watch-writer.ts').then(
    ({ open }) => open(path, onProblem),
    () => onProblem(MISSING),
  ) as Promise<LoadedWatch | undefined>
  return {
    loaded,
    resource(facts) {
      const watch: RequestWatch = {
        decided: (...told) => void loading.then(found => found?.decided(...told)),
        served(head, answer) {
          void loading.then(found => found?.served(head, answer))
          return answer
        },
      }
      // On the path of each request, so nothing stays in between.
      const loading = loaded.then(found => {
        const whole = found?.resource(facts)
        Object.assign(watch, whole)
        return whole
      })
      return watch
    },
    close: async () => (await loaded)?.close(),
  }
}

const MISSING = 'needs a file of idplug that the bundler left out'

/** A `fetch` by which our own authorization server knows requests of servers from those of clients. */
export function markedFetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return (input, init) => {
    // Not by a `Request` of the platform: the `fetch` of undici, which a proxy or AUTH_CA_FILE brings, takes it for a URL.
    const headers = new Headers(init?.headers)
    headers.set('user-agent', 'idplug')
    return fetch(input, { ...init, headers })
  }
}
