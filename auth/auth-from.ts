import type { Auth, AuthObserver, Refused, RequestHead } from '../src/auth.ts'
import type { AuthorizationServer } from '../src/authorization-server.ts'
import { RequestAuthInfo } from '../src/bearer/auth-info.ts'
import { createAuthenticator } from '../src/bearer/authenticator.ts'
import type { ProofCheck } from '../src/bearer/dpop.ts'
import { watchToken } from '../src/bearer/watched-token.ts'
import { ConfigError } from '../src/config-error.ts'
import { createOriginCheck, SEVERAL_HOSTS } from '../src/edges/origin.ts'
import { createSenderOf } from '../src/edges/trusted-proxies.ts'
import { InsufficientScopeError, MissingTokenError } from '../src/errors.ts'
import type { Identity } from '../src/identity-links.ts'
import { parseIpRange } from '../src/ip-address.ts'
import type { ExchangeReason } from '../src/reasons.ts'
import { canonicalResource, resourceBelow } from '../src/resource.ts'
import { clip } from '../src/text.ts'
import type { TokenValidator, ValidatedToken } from '../src/token-validator.ts'
import { AcceptedRequest, type RequestSurroundings } from './accepted-request.ts'
import { type AccessTable, createAccessTable, operationOf } from './access.ts'
import { BODY_PROBLEMS, ENDPOINT_METHODS, HOST_NOT_SERVED, preflight } from './answers.ts'
import { declarationProblems, type ResourceDeclaration } from './declaration.ts'
import { createDocuments } from './documents.ts'
import { publicNames } from './public-names.ts'
import { createRefuser } from './refuser.ts'
import { stderrObserver } from './stderr-observer.ts'
import type { RequestWatch } from './watching.ts'

/** How a resource is served, beside its declaration. `createAuth` makes these of the settings. */
export interface AuthFromOptions {
  /** Told what happens. Default: what is our own fault is written to standard error, each cause once a minute. */
  readonly observer?: AuthObserver
  /** Milliseconds since the Unix epoch. Default: `Date.now`. */
  readonly now?: () => number
  /** Checks proofs of possession: `createProofCheck`. Default: tokens that are bound to a key are refused. */
  readonly dpop?: ProofCheck
  /** Further values of `Host` to serve. Default: none but those of the public URLs. */
  readonly allowedHosts?: readonly string[]
  /** Origins of web pages that may call this server; `*` for any. Default: its own. */
  readonly allowedOrigins?: readonly string[]
  /**
   * Addresses and CIDR ranges of proxies whose `X-Forwarded-For` tells the client's address: tokens that the provider must be
   * asked about wait in turn, by address. Default: none; everybody behind a proxy shares its turn.
   */
  readonly trustedProxies?: readonly string[]
  /** Longest request body, in bytes. Default 1,048,576. */
  readonly bodyLimit?: number
  /** Scopes of the declaration that clients are told to ask for at sign-in. Default: its `initialScopes`. */
  readonly signInScopes?: readonly string[]
  /**
   * Scopes as clients request them, from the names of the declaration. Default: the same.
   *
   * @param token - Whose client is told; absent where no token was accepted. Returns nothing where no request adds a scope.
   */
  readonly wireScopes?: (scopes: readonly string[], token?: ValidatedToken) => readonly string[]
  /** Scopes that clients are told to request besides, such as `openid`. Default: none. */
  readonly extraScopes?: readonly string[]
  /** How often the token of an open stream is validated again, in seconds. Default 60. */
  readonly recheckSeconds?: number
  /** Under which identity the things of a person are kept. Default: their own. */
  readonly identityOf?: (token: ValidatedToken) => Identity
  /** Whether the validator takes API keys (`X-API-Key`). Default: `false`. */
  readonly acceptsApiKeys?: boolean
  /** Name of the header in which a gateway puts the token, in lower case, instead of `Authorization`. Default: none. */
  readonly tokenHeader?: string
  /** Our own authorization server, where it shares this server's origin. */
  readonly authorizationServer?: AuthorizationServer
  /** What else has to be there before {@link Auth.ready} resolves: stores, our own authorization server. */
  readonly ready?: () => Promise<void>
  readonly close?: () => Promise<void>
}

export interface AssembleOptions extends AuthFromOptions {
  /** Identifiers of this server by its other public URLs. Default: none. */
  readonly furtherResources?: readonly string[]
  /** Name of the adapter whose provider issued a token. Default: not told to observers. */
  readonly providerOf?: (token: ValidatedToken) => string
  /** Told of each request, for `idplug watch`. Default: nobody. */
  readonly watch?: RequestWatch | undefined
}

const DEFAULT_BODY_LIMIT = 1_048_576
const DEFAULT_RECHECK_SECONDS = 60
const MAX_CHECKED = 1_000
/** First protocol revision whose clients add up the scopes of several challenges by themselves. */
const FIRST_REVISION_WITH_SCOPE_UNION = '2026-07-28'

/**
 * The sign-in of one MCP server from any `TokenValidator`: no settings, no adapters. `createAuth` makes validators of the settings
 * and comes here.
 *
 * @param declaration - Its `resource` must be a whole URL here.
 * @throws {ConfigError} Lists every problem of the declaration at once.
 */
export function authFrom<const Scope extends string>(
  declaration: ResourceDeclaration<Scope>,
  validator: TokenValidator,
  options: AuthFromOptions = {},
): Auth<Scope> {
  const problems = declarationProblems(declaration)
  const { resource: declared } = declaration
  if (problems.length === 0 && (declared === undefined || declared.startsWith('/'))) {
    problems.push({ setting: 'resource', problem: 'must be the whole URL of this server: https://mcp.example.com/mcp' })
  }
  for (const proxy of options.trustedProxies ?? []) {
    if (parseIpRange(proxy)) continue
    problems.push({
      setting: 'trustedProxies',
      problem: `has ${proxy}, which is neither an IP address nor a range such as 10.0.0.0/8`,
    })
  }
  if (problems.length > 0) throw new ConfigError(problems)
  const resource = canonicalResource(declared as string, 'resource')
  const path = resource.slice(new URL(resource).origin.length)
  const furtherResources = (declaration.publicUrls ?? []).map(url => resourceBelow(url, path))
  return assembleAuth(declaration, resource, validator, { ...options, furtherResources }) as Auth<Scope>
}

/**
 * As {@link authFrom}, from a declaration that is known to be right.
 *
 * @param resource - Canonical identifier.
 */
export function assembleAuth(
  declaration: ResourceDeclaration,
  resource: string,
  validator: TokenValidator,
  options: AssembleOptions,
): Auth {
  const { dpop, extraScopes = [], now = Date.now, wireScopes = scopes => scopes } = options
  const observer = options.observer ?? stderrObserver()
  const identityOf = options.identityOf ?? ((token: ValidatedToken): Identity => token)
  const table = createAccessTable(declaration)
  const names = publicNames(resource, options.furtherResources ?? [])
  const served = createOriginCheck({
    publicUrls: names.all.map(({ resource }) => resource),
    allowedHosts: options.allowedHosts ?? [],
    allowedOrigins: options.allowedOrigins ?? [],
  })
  const authenticator = createAuthenticator({
    validator,
    dpop,
    acceptsApiKeys: options.acceptsApiKeys,
    senderOf: createSenderOf(options.trustedProxies ?? []),
    tokenHeader: options.tokenHeader,
    onValidation: observer.validation && (seconds => observer.validation?.(seconds)),
  })
  const requested = (scopes: readonly string[], token?: ValidatedToken) => {
    const wire = wireScopes(scopes, token)
    return extraScopes.length === 0 || (token && wire.length === 0) ? wire : [...new Set([...wire, ...extraScopes])]
  }
  const initialScopes = requested(options.signInScopes ?? declaration.initialScopes ?? [])
  const { providerOf, watch } = options
  const refuser = createRefuser({ observer, names, initialScopes, requested, dpop, providerOf, watch })
  const { refuse, refuseExchange } = refuser
  const documents = createDocuments({
    names,
    validator,
    refuser,
    facts: () => ({
      scopesSupported: requested(table.scopes),
      resourceName: declaration.name,
      resourceDocumentation: declaration.documentation,
      dpop,
    }),
  })
  const shared: RequestSurroundings = {
    bodyLimit: options.bodyLimit ?? DEFAULT_BODY_LIMIT,
    watch: authenticated =>
      watchToken(authenticated, {
        validator,
        now,
        recheckSeconds: options.recheckSeconds ?? DEFAULT_RECHECK_SECONDS,
      }),
    authInfo: ({ head }, token) => new RequestAuthInfo(head, token, names.of(head).url, identityOf(token)),
  }

  function forbid(head: RequestHead, reason: ExchangeReason, error_description: string, status = 403): Refused {
    const error = status === 403 ? 'forbidden' : 'invalid_request'
    return refuseExchange(head, status, reason, request_id => ({ error, error_description, request_id }))
  }

  function originProblem(head: RequestHead): Refused | undefined {
    const [host, other] = head.header('host')
    // Who is in front may have taken another one than we would.
    if (other !== undefined) return forbid(head, { kind: 'host_not_served', host: clip(other) }, SEVERAL_HOSTS, 400)
    if (!served.servesHost(host)) return forbid(head, { kind: 'host_not_served', host: clip(host) }, HOST_NOT_SERVED)
    const [origin] = head.header('origin')
    if (origin === undefined || head.method === 'OPTIONS' || served.servesOrigin(origin)) return undefined
    return forbid(
      head,
      { kind: 'origin_not_served', origin: clip(origin) },
      'Web pages of this origin may not call this server (setting ALLOWED_ORIGINS).',
    )
  }

  /** Clients of older revisions replace their scopes by those of the challenge, and so would lose what they hold. */
  function announcedScopes(
    head: RequestHead | undefined,
    token: ValidatedToken,
    required: readonly string[],
  ): readonly string[] {
    const [revision] = head?.header('mcp-protocol-version') ?? []
    if (revision !== undefined && revision >= FIRST_REVISION_WITH_SCOPE_UNION) return required
    return [...new Set([...table.scopes.filter(scope => token.scopes.includes(scope)), ...required])]
  }

  return {
    resource,
    validator,
    authorizationServer: options.authorizationServer,
    metadataPaths: documents.metadataPaths,
    identityOf,

    authenticate(head) {
      const problem = originProblem(head)
      if (problem) return Promise.resolve(problem)
      if (head.method === 'OPTIONS') {
        const answer = Promise.resolve(preflight(head, ENDPOINT_METHODS))
        return watch?.served(head, answer) ?? answer
      }
      return authenticator(head).then(
        authenticated => new AcceptedRequest(shared, head, authenticated),
        error => {
          const mayBeAnonymous = table.allowsAnonymous && head.method === 'POST' && error instanceof MissingTokenError
          return mayBeAnonymous ? new AcceptedRequest(shared, head) : refuse(head, error)
        },
      )
    },

    authorize(access, body) {
      const { head } = access as AcceptedRequest
      const { token } = access
      try {
        if (token === undefined) {
          if (!table.isAnonymous(body)) return refuse(head, new MissingTokenError(), body)
        } else {
          const required = table.requiredScopes(body)
          if (!table.covers(token.scopes, required)) {
            const announced = announcedScopes(head, token, required)
            return refuse(head, new InsufficientScopeError(announced, token.scopes), body, token)
          }
        }
      } catch (error) {
        return refuse(head, error, body, token)
      }
      refuser.accept(head, body, token)
      return undefined
    },

    refuseBody(access, problem) {
      const { head } = access as AcceptedRequest
      if (access.token === undefined) return refuse(head, new MissingTokenError())
      const [status, code, message] = BODY_PROBLEMS[problem]
      const refused = refuseExchange(head, status, { kind: 'body_refused', detail: problem }, () => ({
        jsonrpc: '2.0',
        id: null,
        error: { code, message },
      }))
      // The rest of the body is not worth reading.
      return problem === 'too_large' ? { ...refused, headers: { ...refused.headers, Connection: 'close' } } : refused
    },

    serve: watch ? head => watch.served(head, documents.serve(head)) : documents.serve,
    metadata: documents.metadata,

    allows({ token }, kind, name) {
      if (token) return table.covers(token.scopes, table.scopesOf(kind, name))
      return kind === 'tool' && table.isAnonymous({ method: 'tools/call', params: { name } })
    },

    scopeChallenge: (...scopes) => {
      const checked = new Set<string>()
      return ({ request, authInfo }) => {
        const { token } = (authInfo?.extra ?? {}) as { token?: ValidatedToken }
        if (!authInfo || !token) throw new TypeError('scopeChallenge needs protect(auth) in front of the MCP server')
        const operation = operationOf(request)
        const place = JSON.stringify(operation)
        if (!checked.has(place)) {
          refuseContradiction(table, request, scopes)
          // Clients choose URIs, and so could make it grow without end.
          if (checked.size < MAX_CHECKED) checked.add(place)
        }
        if (table.covers(token.scopes, scopes)) return undefined
        const head = RequestAuthInfo.headOf(authInfo)
        const announced = announcedScopes(head, token, scopes)
        const error = new InsufficientScopeError(announced, token.scopes)
        if (head) refuse(head, error, request, token)
        const [first, ...others] = requested(announced, token)
        if (first === undefined) throw error
        return { scopes: [first, ...others], errorDescription: error.publicMessage }
      }
    },

    async ready() {
      await options.ready?.()
      await validator.warmUp()
    },

    close: async () => options.close?.(),
  }
}

/** @throws {TypeError} The declaration has another rule for the same operation. */
function refuseContradiction(table: AccessTable, request: unknown, scopes: readonly string[]): void {
  const declared = table.declaredFor(request)
  if (declared === undefined) return
  const same = declared.length === scopes.length && declared.every(scope => scopes.includes(scope))
  if (same) return
  const { method, name } = operationOf(request) ?? { method: '' }
  throw new TypeError(
    `${method} ${name ?? ''} needs [${scopes.join(', ')}] by scopeChallenge and [${declared.join(', ')}] by the declaration; keep one`,
  )
}
