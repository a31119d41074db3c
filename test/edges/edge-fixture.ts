import type { ResourceDeclaration } from '../../auth/declaration.ts'
import type { Auth } from '../../src/auth.ts'
import type { AuthInfo, ValidatedToken } from '../../src/token-validator.ts'
import type { World } from './world.ts'

/** What a handler behind `protect` is given, taken from the places that the edge documents. */
export interface Seen {
  readonly method: string
  /** Parsed body, from where the framework's users look for it; `undefined` where the request has none. */
  readonly body: unknown
  readonly authInfo: AuthInfo | undefined
  readonly token: ValidatedToken | undefined
  /** Reads the body again, as a handler does that knows nothing of `protect`. */
  readonly text: () => Promise<string>
}

/** What stands behind `protect`. Servers over `node:http` send its answer with `sendResponse`. */
export type Handler = (seen: Seen) => Response | Promise<Response>

/** One protected endpoint of a server. */
export interface Mounted {
  /** Path of the endpoint: `/mcp`. */
  readonly path: string
  readonly auth: Auth
}

/** Where the framework's own JSON parser stands. `before` and `after` are in front of and behind `protect`. */
export type ParserPlace = 'none' | 'before' | 'after'

export interface ServerPlan {
  /** `authRoutes(...auths)` at the root, then `protect(auth)` at each path, for every method. */
  readonly mounted: readonly Mounted[]
  readonly handler: Handler
  readonly parser: ParserPlace
  /** Port to listen on; 0 for any that is free. */
  readonly port: number
}

export interface RunningServer {
  /** With port, without a slash at the end: `http://127.0.0.1:4321`. */
  readonly origin: string
  /** Cuts what is still open. */
  close(): Promise<void>
}

/** One web framework with its edge, as the table of behaviors drives it: a real server, over real HTTP. */
export interface EdgeFixture {
  /** Entry point, with the version of the framework where there are several: `idplug/express with Express 5`. */
  readonly name: string
  /** Where the framework's own JSON parser can stand. Empty where it has none. */
  readonly parsers: readonly Exclude<ParserPlace, 'none'>[]
  /** Listens on 127.0.0.1. */
  start(plan: ServerPlan): Promise<RunningServer>
  /** By the name of a behavior that this framework cannot have: why, and what happens instead. The docs say so, too. */
  readonly instead?: Readonly<Record<string, { readonly because: string; run(world: MakeWorld): Promise<void> }>>
}

/** Starts a server of the fixture for one test, and closes it when the test ends. */
export type MakeWorld = (options?: WorldOptions) => Promise<World>

export interface WorldOptions {
  /** Settings. Default: those that let pages of `https://app.example` call. */
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: () => number
  /** Default: `files` of `world.ts`. */
  readonly declaration?: ResourceDeclaration
  /** Auths that were made otherwise. Default: one of `declaration` that accepts the tokens of `issuer`, at `/mcp`. */
  readonly mounted?: readonly Mounted[]
  /** Default: any that is free. */
  readonly port?: number
  /** Default: answers a POST with what it saw, a GET with an event stream that stays open, anything else with 204. */
  readonly handler?: Handler
  /** Default: `none`. */
  readonly parser?: ParserPlace
}

/** One line of the table: what every edge does, whatever the framework. */
export interface Behavior {
  /** A sentence about the server. */
  readonly name: string
  /** Default: for every edge. */
  readonly appliesTo?: (edge: EdgeFixture) => boolean
  run(world: MakeWorld, edge: EdgeFixture): Promise<void>
}
