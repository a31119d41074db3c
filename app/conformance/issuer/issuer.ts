import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createSigningKey, type Members, type SigningKey, signToken } from './tokens.ts'

export interface IssuerOptions {
  /** Default: a free one. */
  readonly port?: number
  /** `jwt`: tokens are JWTs that the server verifies by key; `introspection`: they are opaque, and it asks about each. */
  readonly mode: 'jwt' | 'introspection'
}

export type Endpoint = 'metadata' | 'jwks' | 'introspection'

/** How an endpoint fails: no connection, a status, or an answer that takes its time. */
export type Outage =
  | { readonly kind: 'down' }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'slow'; readonly seconds: number }

export interface TokenChanges {
  /** Claims that differ from those of a good token; `undefined` leaves one out. */
  readonly claims?: Members
  /** Header parameters that differ. Nothing to opaque tokens. */
  readonly header?: Members
  /** Default: the first key. */
  readonly key?: SigningKey
}

/** An authorization server of the kit's own, whose tokens, keys and failures the checks choose. It signs nobody in. */
export interface Issuer {
  readonly url: string
  readonly mode: IssuerOptions['mode']
  readonly metadataUrl: string
  readonly jwksUri: string
  readonly introspectionEndpoint: string
  /** Credentials with which the server under test introspects; the same each time, so that they can be set before. */
  readonly client: { readonly id: string; readonly secret: string }
  /** A tool of the server under test may call this; {@link Issuer.calledDownstream} tells what arrived. */
  readonly downstreamUrl: string
  /** What tokens say unless they are changed. Set before the first token. */
  audience: string
  scopes: readonly string[]
  /** Claims of a good token. */
  claims(changes?: Members): Members
  /** An access token, good except for the changes. */
  token(changes?: TokenChanges): Promise<string>
  /** The key that signs tokens unless they are to have another. */
  readonly key: SigningKey
  /** Publishes a new key beside the others. */
  publishKey(): Promise<SigningKey>
  /** Introspection answers that the token is not active. */
  revoke(token: string): void
  fail(endpoint: Endpoint, outage: Outage): void
  recover(): void
  /** How many requests an endpoint has received. */
  received(endpoint: Endpoint): number
  /** A URL here that serves the key to whoever believes a token's header, and how often it was fetched. */
  trap(key: SigningKey): { readonly url: string; fetched(): number }
  /** Everything received at {@link Issuer.downstreamUrl}: request line, headers and body. */
  calledDownstream(): readonly string[]
  close(): Promise<void>
}

const PATHS: Readonly<Record<string, Endpoint>> = {
  '/.well-known/openid-configuration': 'metadata',
  '/.well-known/oauth-authorization-server': 'metadata',
  '/jwks': 'jwks',
  '/introspect': 'introspection',
}
const MAX_DOWNSTREAM = 1000
const LIFETIME_SECONDS = 3600

export async function startIssuer({ port = 0, mode }: IssuerOptions): Promise<Issuer> {
  const first = await createSigningKey()
  const keys = [first]
  const client = { id: 'server-under-test', secret: 'conformance' }
  const outages = new Map<Endpoint, Outage>()
  const counts = new Map<string, number>()
  const answers = new Map<string, Members>()
  const traps = new Map<string, SigningKey>()
  const downstream: string[] = []

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const issuer: Issuer = {
    url,
    mode,
    metadataUrl: `${url}/.well-known/openid-configuration`,
    jwksUri: `${url}/jwks`,
    introspectionEndpoint: `${url}/introspect`,
    downstreamUrl: `${url}/downstream`,
    client,
    audience: '',
    scopes: [],
    claims(changes) {
      const seconds = Math.floor(Date.now() / 1000)
      return {
        iss: url,
        sub: 'conformance-user',
        aud: issuer.audience,
        client_id: 'conformance-client',
        scope: issuer.scopes.join(' '),
        iat: seconds,
        exp: seconds + LIFETIME_SECONDS,
        jti: randomUUID(),
        ...changes,
      }
    },
    async token({ claims, header, key = first } = {}) {
      if (mode === 'jwt') return signToken(key, issuer.claims(claims), header)
      const token = randomBytes(32).toString('base64url')
      answers.set(digestOf(token), { active: true, token_type: 'Bearer', ...issuer.claims(claims) })
      return token
    },
    key: first,
    async publishKey() {
      const key = await createSigningKey()
      keys.push(key)
      return key
    },
    revoke(token) {
      answers.delete(digestOf(token))
    },
    fail(endpoint, outage) {
      outages.set(endpoint, outage)
    },
    recover: () => outages.clear(),
    received: endpoint => counts.get(endpoint) ?? 0,
    trap(key) {
      const path = `/trap/${randomUUID()}`
      traps.set(path, key)
      return { url: `${url}${path}`, fetched: () => counts.get(path) ?? 0 }
    },
    calledDownstream: () => downstream,
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', url)
    const endpoint = PATHS[pathname]
    const counted = endpoint ?? pathname
    counts.set(counted, (counts.get(counted) ?? 0) + 1)
    const body = await text(request)
    const outage = endpoint && outages.get(endpoint)
    if (outage?.kind === 'down') return void response.destroy()
    if (outage?.kind === 'status') return send(response, outage.status, { error: 'temporarily_unavailable' })
    if (outage?.kind === 'slow') await lapse(outage.seconds, response)
    if (endpoint === 'metadata') return send(response, 200, metadataOf(issuer))
    if (endpoint === 'jwks') return send(response, 200, { keys: keys.map(({ publicJwk }) => publicJwk) })
    if (endpoint === 'introspection') {
      introspect(request, body, response)
      return
    }
    const trapped = traps.get(pathname)
    if (trapped) return send(response, 200, { keys: [trapped.publicJwk] })
    if (pathname.startsWith('/downstream')) {
      const line = `${request.method} ${request.url}\n${request.rawHeaders.join('\n')}\n\n${body}`
      if (downstream.length < MAX_DOWNSTREAM) downstream.push(line)
      return send(response, 200, {})
    }
    send(response, 404, { error: 'not_found', error_description: 'This issuer signs nobody in.' })
  }

  function introspect({ headers }: IncomingMessage, body: string, response: ServerResponse): void {
    const form = new URLSearchParams(body)
    if (isClient(headers.authorization, form)) {
      const answer = answers.get(digestOf(form.get('token') ?? ''))
      const isOver = typeof answer?.exp === 'number' && answer.exp * 1000 < Date.now()
      send(response, 200, answer && !isOver ? answer : { active: false })
      return
    }
    response.setHeader('www-authenticate', 'Basic realm="introspection"')
    send(response, 401, { error: 'invalid_client' })
  }

  function isClient(authorization: string | undefined, form: URLSearchParams): boolean {
    const basic = /^basic (.+)$/i.exec(authorization ?? '')?.[1]
    const [id, secret] = basic
      ? Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent)
      : [form.get('client_id'), form.get('client_secret')]
    return id === client.id && secret === client.secret
  }

  return issuer
}

function metadataOf({ url, jwksUri, introspectionEndpoint, scopes }: Issuer): Members {
  return {
    issuer: url,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    jwks_uri: jwksUri,
    introspection_endpoint: introspectionEndpoint,
    introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    dpop_signing_alg_values_supported: ['ES256'],
  }
}

function send(response: ServerResponse, status: number, body: Members): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

function lapse(seconds: number, response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, seconds * 1000)
    response.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Tokens are kept nowhere. */
const digestOf = (token: string) => createHash('sha256').update(token).digest('base64url')
