import type { CompleteContext } from '../context.ts'
import { MisconfigurationError } from '../errors.ts'
import type { ServerMetadata } from '../token-validator.ts'
import type { Claims } from './claim-judge.ts'
import type { ClientCredentials } from './introspection.ts'
import type { IntrospectionRequest } from './introspection-request.ts'
import { mayBeAboutToken } from './token-gate.ts'

export interface IntrospectionClientOptions {
  credentials: ClientCredentials
  /** Asked before each request. */
  endpoint(): Promise<string>
  issuer(): string
  /** For the authentication methods that the endpoint takes. */
  metadata(): Promise<ServerMetadata>
}

export interface IntrospectionClient {
  /** What the endpoint answers about a token. A refusal of the token, once the endpoint has worked, reads `active: false`. */
  ask(token: string): Promise<Claims>
  /**
   * Asks about a token of nobody's. Credentials that are refused are tried the other way, once, where the metadata lists that as
   * well.
   */
  tryOut(): Promise<void>
}

/** Not a token of anybody's: asked about to learn whether the endpoint works, and takes our credentials. */
const PROBE = 'idplug-warm-up'

/** Asks an introspection endpoint, and tells a refusal of the token from one of this server. */
export function createIntrospectionClient(
  { credentials, endpoint, issuer, metadata }: IntrospectionClientOptions,
  context: CompleteContext,
): IntrospectionClient {
  let inForce = credentials
  let request: Promise<IntrospectionRequest> | undefined
  let hasWorked = false
  let probed = false
  let otherTried = false

  /** The OAuth library is loaded with the first token: servers that check signatures never need it. */
  async function loadRequest(): Promise<IntrospectionRequest> {
    try {
      const { createIntrospectionRequest } = await import('./introspection-request.ts')
      return createIntrospectionRequest(inForce, context, () => hasWorked)
    } catch (error) {
      request = undefined
      throw error
    }
  }

  async function introspect(token: string): Promise<Claims> {
    const at = await endpoint()
    request ??= loadRequest()
    const answer = await (await request)(token, { endpoint: at, issuer: issuer() })
    hasWorked = true
    return answer
  }

  async function probeTheOtherWay(refusal: unknown): Promise<void> {
    if (otherTried || !mayBeAboutMethod(refusal)) throw refusal
    otherTried = true
    const other = otherWay(credentials, await metadata().catch(() => undefined))
    if (!other) throw refusal
    inForce = other
    request = undefined
    try {
      await introspect(PROBE)
    } catch {
      inForce = credentials
      request = undefined
      throw refusal
    }
    context.observer?.warning?.(
      `The introspection endpoint refuses the credentials by ${credentials.method} and takes them by ${other.method}. Set the authentication method to ${other.method}.`,
      { endpoint: await endpoint() },
    )
  }

  return {
    async ask(token) {
      try {
        return await introspect(token)
      } catch (error) {
        if (!mayBeAboutToken(error)) throw error
        // Is it this token, or are all requests refused? Where a token of nobody's was answered once, or nothing yet, it tells.
        if (probed || !hasWorked) await introspect(PROBE)
        return { active: false }
      }
    },
    async tryOut() {
      await introspect(PROBE).catch(probeTheOtherWay)
      probed = true
    },
  }
}

/** Servers that look for credentials elsewhere find none: some answer 401, others that the request is incomplete. */
function mayBeAboutMethod(error: unknown): boolean {
  if (!(error instanceof MisconfigurationError)) return false
  const { reason } = error
  if (reason.kind === 'endpoint_refused_request') return reason.status === 400 || reason.status === 403
  return reason.kind === 'own_credentials_refused'
}

/** The same secret sent the other way, where the metadata says that the endpoint takes both (RFC 8414 §2). */
function otherWay(credentials: ClientCredentials, metadata: ServerMetadata | undefined): ClientCredentials | undefined {
  if (credentials.method === 'private_key_jwt' || credentials.method === 'bearer') return undefined
  const listed =
    metadata?.introspection_endpoint_auth_methods_supported ?? metadata?.token_endpoint_auth_methods_supported
  const method = credentials.method === 'client_secret_basic' ? 'client_secret_post' : 'client_secret_basic'
  return Array.isArray(listed) && listed.includes(method) ? { ...credentials, method } : undefined
}
