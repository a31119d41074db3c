import type { Operation } from '../../src/auth.ts'

/** Version of the lines. A watcher tells of lines that it does not know. */
export const WATCH_FORMAT = 1

/**
 * What servers write for `idplug watch`: one JSON object a line, members spelled as in the log. `at` is in milliseconds since the Unix epoch.
 * No record holds a token, a code, a secret, a cookie, `state` or a `code_verifier`, nor who signed in.
 */
export type WatchRecord =
  | ResourceHello
  | AuthorizationServerHello
  | ResourceRequest
  | AuthorizationServerRequest
  | ServerEvent
  | RepeatedCalls
  | LostRecords

/** The first line of an MCP server on each connection. */
export interface ResourceHello {
  readonly type: 'resource'
  readonly format: number
  readonly pid: number
  readonly resource: string
  readonly name: string
  /** Of our own authorization server, where its tokens are accepted. */
  readonly own_issuer?: string
}

/** The first line of our own authorization server. */
export interface AuthorizationServerHello {
  readonly type: 'authorization_server'
  readonly format: number
  readonly pid: number
  readonly issuer: string
  readonly registers: boolean
  readonly reads_documents: boolean
}

/** What every request has. */
interface RequestFacts {
  readonly at: number
  readonly method: string
  /** Path of a document that is looked for; other paths may hold anything. */
  readonly path?: string
  readonly agent?: string
  readonly address?: string
  /** `Origin`, which web pages send. */
  readonly origin?: string
  /** Number of the connection in this process; absent behind a proxy. */
  readonly connection?: number
}

/** A request to an MCP server, or for what it publishes. */
export interface ResourceRequest extends RequestFacts {
  readonly type: 'request'
  readonly resource: string
  readonly place: 'endpoint' | 'resource_metadata' | 'server_metadata' | 'elsewhere'
  /** Absent where the request was passed on. */
  readonly status?: number
  /** Scheme of the credentials. */
  readonly credentials?: string
  readonly protocol?: string
  readonly challenge?: { readonly resource_metadata?: string; readonly scope?: string; readonly error?: string }
  readonly reason?: { readonly kind: string; readonly [fact: string]: unknown }
  readonly operation?: Operation
  readonly client_info?: { readonly name: string; readonly version: string }
  readonly client_id?: string
  /** Number of the token in this process. */
  readonly caller?: number
  readonly scopes?: readonly string[]
  readonly request_id?: string
  /** What a document says. */
  readonly issuers?: readonly string[]
}

/** A request to our own authorization server. */
export interface AuthorizationServerRequest extends RequestFacts {
  readonly type: 'server_request'
  readonly issuer: string
  readonly place: ServerPlace
  /** Absent where the client hung up before the answer. */
  readonly status?: number
  /** Digests of what ties the pages of one sign-in together. */
  readonly flows?: readonly string[]
  readonly query?: HarmlessQuery
  /** Of the error that the answer takes back to the client. */
  readonly error?: string
  readonly error_description?: string
  readonly events: readonly ServerEvent[]
}

export type ServerPlace =
  | 'server_metadata'
  | 'registration'
  | 'authorization'
  | 'sign_in'
  | 'signed_in'
  | 'consent'
  | 'return'
  | 'token'
  | 'revocation'
  | 'device'
  | 'elsewhere'

/** All that is told of a query. */
export interface HarmlessQuery {
  readonly client_id?: string
  readonly scope?: string
  readonly resource?: string
  /** Origin, or the scheme of an application. */
  readonly redirect_origin?: string
  readonly code_challenge_method?: string
  readonly prompt?: string
}

/** An event of the log, without who it was about. */
export interface ServerEvent {
  readonly type: 'event'
  readonly at: number
  readonly event: string
  readonly client_id?: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** Calls that are like one that was told before. */
export interface RepeatedCalls {
  readonly type: 'calls'
  readonly at: number
  readonly resource: string
  readonly caller: number
  readonly client_id: string
  readonly operation: Operation
  readonly count: number
}

/** Records that nobody will see, because nobody read or there were too many. */
export interface LostRecords {
  readonly type: 'lost'
  readonly at: number
  readonly count: number
}
