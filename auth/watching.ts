import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer, AuthObserver, Decision, RequestHead } from '../src/auth.ts'

/** Told of the requests to one MCP server. Must not throw, and nobody waits for it. */
export interface RequestWatch {
  /** @param answer - Absent for a request that may go on. */
  decided(head: RequestHead, body: unknown, decision: Decision, answer?: Answer): void
  preflight(head: RequestHead, answer: Answer): void
  /** @param answer - Absent for a path of somebody else. */
  served(head: RequestHead, answer: Promise<Answer> | undefined): void
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

export interface WatchedServer {
  readonly issuer: string
  readonly registers: boolean
  readonly readsDocuments: boolean
  readonly trustedProxies: readonly string[]
  /** Of a name that pages of a sign-in share. */
  digest(text: string): string
}

/** What writes for `idplug watch`. */
export interface LoadedWatch {
  resource(facts: WatchedResource): RequestWatch
  server(facts: Omit<WatchedServer, 'digest'>): ServerWatch
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
  const onProblem = (problem: string) => warning?.(`AUTH_WATCH: ${path} ${problem}. Nothing is written to it.`, {})
  const loaded = import('./watch/open.ts').then(
    ({ open }) => open(path, onProblem),
    () => onProblem('cannot be written to: deploy every file that the bundler wrote'),
  ) as Promise<LoadedWatch | undefined>
  return {
    loaded,
    resource(facts) {
      const loading = loaded.then(found => found?.resource(facts))
      const watch: RequestWatch = {
        decided: (...told) => void loading.then(found => found?.decided(...told)),
        preflight: (...told) => void loading.then(found => found?.preflight(...told)),
        served: (...told) => void loading.then(found => found?.served(...told)),
      }
      // On the path of each request, so nothing stays in between.
      void loading.then(found => Object.assign(watch, found))
      return watch
    },
    close: async () => (await loaded)?.close(),
  }
}

/** A `fetch` by which our own authorization server knows requests of servers from those of clients. */
export function markedFetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return (input, init) => {
    const headers = new Headers(init?.headers)
    headers.set('user-agent', 'idplug')
    return fetch(input, { ...init, headers })
  }
}
