import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { InvalidTokenError, MissingTokenError } from '../errors.ts'
import type { PresentationScheme, TokenValidator, ValidatedToken } from '../token-validator.ts'
import { bearerToken, type CredentialSource, dpopToken, hasNoCredentials, isDpopScheme } from './credentials.ts'
import type { ProofCheck } from './dpop.ts'
import { type ChallengeOptions, type Refusal, refusal } from './refusal.ts'

/** One decision about one request: what an audit log and a counter need. Holds no token. */
export interface Decision {
  /** Correlation id; refused clients are told it. */
  requestId: string
  outcome: 'accepted' | 'refused'
  /** HTTP status of a refusal. */
  status?: number
  /** Why it was refused. A bug that is not an {@link AuthorizationError} has none. */
  error?: unknown
  /** Whose request it was, where that is known. */
  token?: ValidatedToken
}

export interface GateOptions extends Omit<ChallengeOptions, 'wireScopes' | 'dpop' | 'scheme'> {
  validator: TokenValidator
  /** Checks proofs of possession (RFC 9449). Default: tokens that are bound to a key are refused. */
  dpop?: ProofCheck
  /**
   * Scopes as clients request them, from the names that tools require. Default: the same.
   *
   * @param token - Whose client is told; absent where no token was accepted.
   */
  wireScopes?: (scopes: readonly string[], token?: ValidatedToken) => readonly string[]
  /** Told every decision. Must not throw. */
  onDecision?: (decision: Decision) => void
  /** Told how many seconds a validation took, cached or not, whatever came out of it. Must not throw. */
  onValidation?: (seconds: number) => void
}

/** What a gate reads of a request. */
export interface Presentation extends CredentialSource {
  method: string
  /** Value of the `DPoP` header. */
  proof?: string
  /** What the request came over, as `TokenValidator.validate` takes it. */
  connection?: object
}

/** Authentication and refusal over `node:http`; Express requests and responses are such. Other edges use the last two members. */
export interface Gate {
  /**
   * Reads headers only.
   *
   * @throws What `bearerToken`, `validator.validate` and `dpop.check` throw. Always as a rejection.
   */
  authenticate(request: IncomingMessage): Promise<ValidatedToken>
  /** Reports that the request may go on. */
  accept(token: ValidatedToken): void
  /** Answers with the refusal that belongs to the error, and reports it. */
  refuse(response: ServerResponse, error: unknown, token?: ValidatedToken): void
  /** As {@link Gate.authenticate}, from the parts of a request of any kind. */
  authenticatePresented(presentation: Presentation): Promise<ValidatedToken>
  /**
   * The refusal that belongs to the error, reported and not yet sent.
   *
   * @param authorization - The header of the refused request: its challenge is of the same scheme.
   */
  refusalOf(error: unknown, authorization: string | undefined, token?: ValidatedToken): Refusal
}

export function createGate(options: GateOptions): Gate {
  const { validator, dpop, onDecision, onValidation, resourceMetadataUrl, defaultScopes } = options
  // Counted rather than random for each request: an id has to be unique and say nothing, and this costs next to nothing.
  const prefix = randomBytes(6).toString('base64url')
  let count = 0
  const nextRequestId = () => `${prefix}-${(++count).toString(36)}`

  function validate(token: string, connection?: object, scheme?: PresentationScheme): Promise<ValidatedToken> {
    return onValidation ? timed(token, connection, scheme, onValidation) : validator.validate(token, connection, scheme)
  }

  async function timed(
    token: string,
    connection: object | undefined,
    scheme: PresentationScheme | undefined,
    report: (seconds: number) => void,
  ) {
    const startedAt = performance.now()
    try {
      return await validator.validate(token, connection, scheme)
    } finally {
      report((performance.now() - startedAt) / 1000)
    }
  }

  async function authenticateBound(presentation: Presentation, proofs: ProofCheck): Promise<ValidatedToken> {
    const { proof, method, connection } = presentation
    const token = dpopToken(presentation)
    const validated = await validate(token, connection, 'DPoP')
    await proofs.check({ proof, method, token, confirmation: validated.confirmation })
    return validated
  }

  // Most refusals are this one. Made once: to throw one for each request costs an eighth of the answer.
  const withoutCredentials = Promise.reject(new MissingTokenError())
  withoutCredentials.catch(() => {})

  function authenticatePresented(presentation: Presentation): Promise<ValidatedToken> {
    if (hasNoCredentials(presentation)) return withoutCredentials
    if (dpop && isDpopScheme(presentation.authorization)) return authenticateBound(presentation, dpop)
    try {
      const token = bearerToken(presentation)
      if (dpop?.required) throw new InvalidTokenError({ kind: 'not_sender_constrained' })
      return validate(token, presentation.connection)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  function refusalOf(error: unknown, authorization: string | undefined, token?: ValidatedToken): Refusal {
    const requestId = nextRequestId()
    const refused = refusal(error, requestId, {
      resourceMetadataUrl,
      defaultScopes,
      wireScopes: scopes => options.wireScopes?.(scopes, token) ?? scopes,
      dpop,
      scheme: isDpopScheme(authorization) ? 'DPoP' : 'Bearer',
    })
    onDecision?.({ requestId, outcome: 'refused', status: refused.status, error, token })
    return refused
  }

  return {
    authenticatePresented,
    refusalOf,
    authenticate: request => authenticatePresented(presentationOf(request)),

    accept(token) {
      onDecision?.({ requestId: nextRequestId(), outcome: 'accepted', token })
    },

    refuse(response, error, token) {
      const { status, headers, body } = refusalOf(error, response.req?.headers.authorization, token)
      if (response.headersSent) {
        response.destroy()
        return
      }
      const text = JSON.stringify(body)
      response.writeHead(status, { ...headers, 'Content-Type': 'application/json', 'Content-Length': text.length })
      response.end(text)
    },
  }
}

function presentationOf(request: IncomingMessage): Presentation {
  return {
    authorization: request.headers.authorization,
    authorizationCount: countHeader(request.rawHeaders, 'authorization'),
    url: request.url ?? '',
    method: request.method ?? '',
    proof: request.headers.dpop as string | undefined,
    connection: request.socket,
  }
}

function countHeader(rawHeaders: readonly string[], name: string): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const header = rawHeaders[i] as string
    if (header.length === name.length && header.toLowerCase() === name) count++
  }
  return count
}
