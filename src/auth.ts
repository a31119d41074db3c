import type { AuthorizationServer } from './authorization-server.ts'
import type { ValidatorObserver } from './context.ts'
import type { Identity } from './identity-links.ts'
import type { ProtectedResourceMetadata } from './metadata/protected-resource.ts'
import type { RefusalReason } from './reasons.ts'
import type { AuthInfo, TokenValidator, ValidatedToken } from './token-validator.ts'
import type { ShadowObservation } from './validators/shadow.ts'

/**
 * The sign-in of one MCP server. Every framework entry (Express, fetch, Hono, …) is built from these members.
 * No member throws because a request is refused: a refusal is a value.
 */
export interface Auth<Scope extends string = string> {
  /** Identifier of this server, canonical spelling (RFC 8707 §2). */
  readonly resource: string
  /** Pass it to `requireBearerAuth` of an MCP SDK as its `verifier`. */
  readonly validator: TokenValidator
  /**
   * Decides who is calling. Reads headers, never the body. Also answers CORS preflights, and refuses a `Host` or
   * `Origin` that this server does not serve.
   *
   * @returns Access, or the answer to send. Rejects only because of a bug.
   */
  authenticate(head: RequestHead): Promise<Access | Answer>
  /**
   * Decides whether the caller may do what the body asks for (RFC 6750 §3.1, MCP step-up). Call it once per request, before a
   * stream opens, also for requests without a body.
   *
   * @param body - Parsed JSON-RPC message, or an array of them; `undefined` if the request has none.
   * @returns The refusal: 401 if an anonymous caller needs a token, 403 with every scope that the operation needs.
   *   `undefined`: continue.
   */
  authorize(access: Access, body: unknown): Refused | undefined
  /**
   * The answer to a body that cannot be read: a JSON-RPC error, or 401 for an anonymous caller.
   *
   * @param problem - `too_large`: longer than {@link Access.bodyLimit}. `unreadable`: it is compressed or encoded. `incomplete`: the
   *   client hung up; nobody reads the answer, but observers are notified.
   */
  refuseBody(access: Access, problem: BodyProblem): Refused
  /**
   * Answers what `authRoutes` serves: the metadata of this resource (RFC 9728), and at its origin that of its first
   * authorization server, where clients of 2025-03-26 look for it.
   *
   * @returns `undefined` if the path is not one of these.
   */
  serve(head: RequestHead): Promise<Answer> | undefined
  /** RFC 9728 document. Asks the provider for the exact spelling of its issuer if that is not known yet; does not fail if the provider is down. */
  metadata(): Promise<ProtectedResourceMetadata>
  /** Paths at which {@link metadata} is served: the path-aware one (RFC 9728 §3.1), and the root for clients that look only there. */
  readonly metadataPaths: readonly string[]
  /** Whether this caller may use the named tool, resource or prompt. For your own list handlers. */
  allows(access: Pick<Access, 'token'>, kind: 'tool' | 'resource' | 'prompt', name: string): boolean
  /**
   * Declares the scopes at the tool itself, for `@modelcontextprotocol/server` from 2.1 on:
   * `registerTool(name, { scopeChallenge: auth.scopeChallenge('files:write') }, …)`. Unlike the SDK's `requireScopes` it names
   * scopes as the provider does, and adds those that clients of older revisions would lose.
   *
   * @throws {TypeError} At the first call, when the declaration has another rule for the same tool, resource or prompt.
   */
  scopeChallenge(...scopes: readonly [Scope, ...Scope[]]): ScopeChallengeHandler
  /** The identity to store this person's data under: the oldest one linked with it (`AUTH_LINKS`), else the token's own. */
  identityOf(token: ValidatedToken): Identity
  /** Our own authorization server, if it runs in this process and on this server's origin. */
  readonly authorizationServer?: AuthorizationServer
  /**
   * Fetches metadata and keys, connects stores. Optional: the first request does the same.
   *
   * @throws {ValidatorUnavailableError} The provider or a store cannot be reached. Calling again later is fine.
   * @throws {MisconfigurationError} The provider answers, and says that our settings are wrong.
   */
  ready(): Promise<void>
  /** Ends timers and connections. Idempotent. Auths that were created together are closed together. */
  close(): Promise<void>
}

/** What {@link Auth.authenticate} reads of a request. `requestHead(request)` of `idplug/node` and `idplug/fetch` creates it. */
export interface RequestHead {
  readonly method: string
  /** Request target or URL, query included: a token in it is refused (RFC 6750 §2.3, MCP). */
  readonly url: string
  /** Every value of a header, in order. Several `Authorization` headers are refused. */
  header(name: string): readonly string[]
  /** The connection of the request; a hint for the cache. */
  readonly connection?: object
  /** Address of the client, for rate limits and the audit log. */
  readonly address?: string | undefined
}

/** The credentials are accepted; {@link Auth.authorize} still checks the operation. */
export interface Access {
  readonly outcome: 'accepted'
  /** `undefined` for an anonymous caller, if the declaration allows them. */
  readonly token: ValidatedToken | undefined
  /** What the MCP SDKs hand to tools. Its `token` is empty, so that no tool can pass the client's token on. */
  readonly authInfo: AuthInfo | undefined
  /**
   * Aborts when the token expires, or the provider says that it is no longer valid. End open streams with it. Created on
   * first access; an outage of the provider does not abort it.
   */
  readonly signal: AbortSignal
  /** Says that the request is over, so that its token is no longer watched for {@link signal}. Without it, the watch ends with the token. */
  done(): void
  /** Headers to set on the answer, so that web pages may read it. Empty unless a browser asks. */
  readonly headers: Readonly<Record<string, string>>
  /** Maximum body size to read, in bytes. */
  readonly bodyLimit: number
}

/** An answer, ready for any HTTP framework. `body` is JSON, or absent. */
export interface Answer {
  /** `answered`: there is nothing to refuse, such as a preflight. */
  readonly outcome: 'answered' | 'refused'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: object
}

/** An answer that refuses a request. */
export interface Refused extends Answer {
  readonly outcome: 'refused'
  readonly body: object
}

/** `ambiguous`: the body is JSON, but whoever gets it as it is may read another message than was checked. */
export type BodyProblem = 'too_large' | 'not_json' | 'not_json_type' | 'unreadable' | 'incomplete' | 'ambiguous'

/** Structurally that of `@modelcontextprotocol/server` 2.x. */
export type ScopeChallengeHandler = (context: {
  request: { method: string; params?: unknown }
  authInfo?: { scopes: readonly string[]; extra?: Record<string, unknown> }
}) => { scopes: readonly [string, ...string[]]; errorDescription?: string } | undefined

/** What a request asked for, as far as rules can name it. */
export interface Operation {
  /** JSON-RPC method; of the first message of a batch. */
  readonly method: string
  /** Name of the tool or prompt, URI of the resource; a long one is cut. */
  readonly name?: string
}

/**
 * One decision about one request, for logs and counters; reported after `authorize`. Holds no token. `reason` is private: the
 * client only sees the {@link Refused}.
 */
export type Decision = DecisionFacts &
  (
    | { readonly outcome: 'accepted' }
    | {
        readonly outcome: 'refused'
        readonly status: number
        /** `undefined` for a bug, which is the `error`. */
        readonly reason: RefusalReason | undefined
        readonly error?: unknown
      }
  )

/** A provider as an observer sees it. */
export interface ObservedProvider {
  /** Of its adapter. */
  readonly name: string
  readonly role: 'active' | 'shadow'
  readonly validator: Pick<TokenValidator, 'issuers' | 'warmUp'>
}

interface DecisionFacts {
  /** Correlation id; refused clients are told it. */
  readonly requestId: string
  /** The token of the request, if it was valid. */
  readonly token?: ValidatedToken
  /** Name of the adapter whose provider issued {@link token}, if there are several. */
  readonly provider?: string
  readonly operation?: Operation
  readonly address?: string
}

/** One call of our own authorization server. Holds nothing of what was asked. */
export interface AuthorizationServerCall {
  /** Its store, unless that is the memory of the process, or the provider at which people sign in. */
  readonly dependency: 'store' | 'upstream'
  readonly operation: string
  /** `ok`, what the provider said about a person (`signed_in`, `nobody`, `not_allowed`), or what failed. One of few values. */
  readonly outcome: string
  readonly milliseconds: number
}

/** Receives events. Every member is optional and must not throw. No event contains a token or a secret. */
export interface AuthObserver extends ValidatorObserver {
  /** One for each request, accepted or refused: what an audit log needs. */
  decision?(decision: Decision): void
  /** Seconds that one validation took, cached or not, whatever its result. */
  validation?(seconds: number): void
  /** What our own authorization server decided, if it runs in this process. */
  authorizationServer?(event: string, facts: Readonly<Record<string, unknown>>): void
  /** A call of our own authorization server to what it depends on, if it runs in this process. */
  authorizationServerCall?(call: AuthorizationServerCall): void
  /** One token, seen by the active providers and by the one that `AUTH_SHADOW` names. */
  shadow?(observation: ShadowObservation): void
  /** The file of `AUTH_LINKS` was read again. */
  links?(outcome: { links: number } | { error: Error }): void
  /** Called once: the active providers, and the shadow provider if there is one. */
  providers?(providers: readonly ObservedProvider[]): void
}
