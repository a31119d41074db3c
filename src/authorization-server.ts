/** Our own authorization server, as far as the server that it protects has to know it. */
export interface AuthorizationServer {
  readonly issuer: string
  /** Whether a path is the authorization server's. */
  handles(path: string): boolean
  /** A listener for `node:http`: takes its `IncomingMessage`, with the body unread, and its `ServerResponse`. */
  handler(request: object, response: object): void
  /**
   * The same for requests of the platform. Never rejects because the server cannot work: that is an answer.
   *
   * @param address - Of the client, where the platform tells. The demo sign-in refuses those of other machines.
   */
  respond(request: Request, address?: string): Promise<Response>
  /** For the validators of this process: without a network. Rejects when the server cannot work, as when a network fails. */
  readonly fetch: typeof globalThis.fetch
  /** @throws {Error} It cannot work: its store is away. Calling again later is fine. */
  ready(): Promise<void>
  close(): Promise<void>
}
