/** Our own authorization server, as far as the server that it protects has to know it. */
export interface AuthorizationServer {
  readonly issuer: string
  /** Whether a path is the authorization server's. */
  handles(path: string): boolean
  /** A listener for `node:http`: takes its `IncomingMessage`, with the body unread, and its `ServerResponse`. */
  handler(request: object, response: object): void
  /** The same for requests of the platform, and for the validators of this process: without a network. */
  readonly fetch: typeof globalThis.fetch
  /** @throws {Error} It cannot work: its store is away. Calling again later is fine. */
  ready(): Promise<void>
  close(): Promise<void>
}
