import type { ProofParts } from './dpop.ts'
import { proofParts } from './dpop.ts'
import { type McpParts, mcpParts, type Rpc } from './mcp.ts'
import { type Answer, json, type Refusal, type Request } from './message.ts'
import { type Caller, introspectionParts, jwtParts, type TokenParts, type Trust } from './tokens.ts'

/** A token and the scheme it came with; `none` where there is no token. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly scheme: 'bearer' | 'dpop'; readonly token: string }
  | { readonly kind: 'malformed' }

/** The server in pieces. A defect replaces some of them; each of these does what the specifications demand. */
export interface Parts {
  readonly resource: string
  readonly issuer: string
  /** Whom a token has to be shown with a proof for. */
  readonly dpop: 'off' | 'optional' | 'required'
  readonly baseScopes: readonly string[]
  readonly allScopes: readonly string[]
  readonly tokens: TokenParts
  readonly proof: ProofParts
  readonly mcp: McpParts
  hostIsGood(request: Request): boolean
  originIsGood(request: Request): boolean
  credentialsOf(request: Request): Credentials | Promise<Credentials>
  /** Says whether a token may be shown without a proof. */
  mayBeBearer(parts: Parts, caller: Caller): boolean
  /** Says whether a request may be served without a token. */
  isOpen(request: Request): boolean | Promise<boolean>
  /** Protected resource metadata, by path. */
  metadata(): Readonly<Record<string, unknown>>
  metadataAnswer(parts: Parts, request: Request): Answer | undefined
  preflight(request: Request): Answer
  challenge(parts: Parts, refusal: Refusal): string | readonly string[]
  refuse(parts: Parts, refusal: Refusal, request: Request, rpc?: Rpc): Answer
  /** Scopes that a message needs. */
  scopesOf(parts: Parts, rpc: Rpc): readonly string[]
  /** Asked before anything of a message is served. @returns Scopes that are missing. */
  mayCall(needed: readonly string[], caller: Caller): boolean
  /** Last look at each answer. */
  finish(answer: Answer, request: Request): Answer
}

export interface ServerOptions {
  readonly origin: string
  readonly trust: Trust
  readonly mode: 'jwt' | 'introspection'
  readonly dpop?: Parts['dpop']
  readonly nonce?: string
  readonly downstream?: string
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
const B64_TOKEN = /^[\w.~+/-]+=*$/

export function honestParts({ origin, trust, mode, dpop = 'off', nonce, downstream }: ServerOptions): Parts {
  const resource = `${origin}/mcp`
  return {
    resource,
    issuer: trust.issuer,
    dpop,
    baseScopes: ['files:read'],
    allScopes: ['files:read', 'files:write'],
    tokens: mode === 'jwt' ? jwtParts(trust, resource) : introspectionParts(trust, resource),
    proof: proofParts(nonce),
    mcp: mcpParts(downstream),
    hostIsGood: request => request.all('host')[0] === new URL(origin).host,
    originIsGood: request => request.all('origin').every(value => value === origin),
    mayBeBearer: (parts, { thumbprint }) => parts.dpop !== 'required' && thumbprint === undefined,
    isOpen: () => false,
    credentialsOf(request) {
      const values = request.all('authorization')
      const inQuery = request.url.searchParams.has('access_token')
      if (values.length > 1 || inQuery) return { kind: 'malformed' }
      const [scheme = '', ...rest] = (values[0] ?? '').split(' ')
      const named = scheme.toLowerCase()
      if (named !== 'bearer' && !(named === 'dpop' && dpop !== 'off')) return { kind: 'none' }
      const token = rest.join(' ')
      if (token === '' || !B64_TOKEN.test(token)) return { kind: 'malformed' }
      return { kind: 'token', scheme: named, token }
    },
    metadata: () => ({
      resource,
      authorization_servers: [trust.issuer],
      scopes_supported: ['files:read', 'files:write'],
      bearer_methods_supported: ['header'],
      ...(dpop !== 'off' && { dpop_signing_alg_values_supported: ['ES256', 'RS256'] }),
      ...(dpop === 'required' && { dpop_bound_access_tokens_required: true }),
    }),
    metadataAnswer(parts, request) {
      if (request.url.pathname !== `${WELL_KNOWN}/mcp` && request.url.pathname !== WELL_KNOWN) return undefined
      if (request.method === 'OPTIONS') return parts.preflight(request)
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return { status: 405, headers: { allow: 'GET, HEAD' }, body: '' }
      return json(200, parts.metadata())
    },
    preflight: () => ({
      status: 204,
      headers: {
        'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
        'access-control-allow-headers':
          'authorization, content-type, dpop, last-event-id, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name',
      },
      body: '',
    }),
    challenge(parts, { error, description, scopes, scheme, status }) {
      const parameters = [
        `resource_metadata="${origin}${WELL_KNOWN}/mcp"`,
        ...(status === 401 || scopes ? [`scope="${(scopes ?? parts.baseScopes).join(' ')}"`] : []),
        ...(error ? [`error="${error}"`, `error_description="${description}"`] : []),
      ].join(', ')
      const proofs = `DPoP algs="${parts.proof.algorithms.join(' ')}", ${parameters}`
      if (parts.dpop === 'required' || scheme === 'DPoP') return proofs
      return parts.dpop === 'off' ? `Bearer ${parameters}` : [`Bearer ${parameters}`, proofs]
    },
    refuse(parts, refusal, _request, rpc) {
      const { status, error, description } = refusal
      const headers = {
        ...([400, 401, 403].includes(status) && { 'www-authenticate': parts.challenge(parts, refusal) }),
        ...(status === 503 && { 'retry-after': '1' }),
        ...(error === 'use_dpop_nonce' && parts.proof.nonce && { 'dpop-nonce': parts.proof.nonce }),
        'cache-control': 'no-store',
      }
      if (status !== 403 || !rpc)
        return json(status, { ...(error && { error }), error_description: description }, headers)
      return json(
        status,
        { jsonrpc: '2.0', id: rpc.id ?? null, error: { code: -32003, message: description } },
        headers,
      )
    },
    scopesOf: (parts, { method, params }) =>
      (method === 'tools/call' ? parts.mcp.toolScopes[String(params?.name)] : undefined) ?? parts.baseScopes,
    mayCall: (needed, { scopes }) => needed.every(scope => scopes.includes(scope)),
    finish: (answer, request) => ({
      ...answer,
      headers: {
        ...answer.headers,
        'access-control-allow-origin': request.all('origin')[0] ?? '*',
        'access-control-expose-headers': 'WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce',
      },
    }),
  }
}
