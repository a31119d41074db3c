import type { AuthObserver, Decision, Refused, RequestHead } from '../src/auth.ts'
import { isDpopScheme } from '../src/bearer/credentials.ts'
import type { ProofCheck } from '../src/bearer/dpop.ts'
import { refusal, refusalHeaders } from '../src/bearer/refusal.ts'
import { AuthorizationError } from '../src/errors.ts'
import type { RefusalReason } from '../src/reasons.ts'
import type { ValidatedToken } from '../src/token-validator.ts'
import { operationOf } from './access.ts'
import type { PublicNames } from './public-names.ts'
import type { RequestWatch } from './watching.ts'

export interface RefuserOptions {
  readonly observer: AuthObserver
  readonly names: PublicNames
  /** As clients request them. */
  readonly initialScopes: readonly string[]
  /** Scopes as clients request them. */
  readonly requested: (scopes: readonly string[], token?: ValidatedToken) => readonly string[]
  readonly dpop: ProofCheck | undefined
  readonly providerOf: ((token: ValidatedToken) => string) | undefined
  readonly watch: RequestWatch | undefined
}

/** Makes refusals, and tells the observer of every decision. */
export interface Refuser {
  /** The answer to an error of the credentials, of a validator, or a bug. */
  refuse(head: RequestHead, error: unknown, body?: unknown, token?: ValidatedToken): Refused
  /** The answer to a request that is refused whoever sends it. */
  refuseExchange(head: RequestHead, status: number, reason: RefusalReason, makeBody: (id: string) => object): Refused
  /** Tells the observer that a request was accepted. */
  accept(head: RequestHead, body: unknown, token: ValidatedToken | undefined): void
  /** Correlation id of an answer that is no decision. */
  nextRequestId(): string
}

type Decided = Omit<Decision, 'operation' | 'address'> & Decision

export function createRefuser(options: RefuserOptions): Refuser {
  const { observer, names, initialScopes, requested, dpop, providerOf, watch } = options
  const nextRequestId = createRequestIds()

  function report(head: RequestHead, body: unknown, decided: Decided, answer?: Refused): void {
    if (!observer.decision && !watch) return
    const { address } = head
    const operation = operationOf(body)
    const provider = decided.token && providerOf?.(decided.token)
    const decision: Decision = {
      ...decided,
      ...(provider && { provider }),
      ...(operation && { operation }),
      ...(address !== undefined && { address }),
    }
    observer.decision?.(decision)
    watch?.decided(head, body, decision, answer)
  }

  function refuse(head: RequestHead, error: unknown, body?: unknown, token?: ValidatedToken): Refused {
    const requestId = nextRequestId()
    const refused = refusal(error, requestId, {
      resourceMetadataUrl: names.of(head).metadataUrl,
      initialScopes,
      wireScopes: scopes => requested(scopes, token),
      dpop,
      scheme: isDpopScheme(head.header('authorization')[0]) ? 'DPoP' : 'Bearer',
    })
    const reason = error instanceof AuthorizationError ? error.reason : undefined
    const { status } = refused
    const decided = {
      requestId,
      outcome: 'refused' as const,
      status,
      reason,
      ...(!reason && { error }),
      ...(token && { token }),
    }
    report(head, body, decided, refused)
    return refused
  }

  function refuseExchange(
    head: RequestHead,
    status: number,
    reason: RefusalReason,
    makeBody: (id: string) => object,
  ): Refused {
    const requestId = nextRequestId()
    const refused: Refused = {
      outcome: 'refused',
      status,
      headers: refusalHeaders(requestId),
      body: makeBody(requestId),
    }
    report(head, undefined, { requestId, outcome: 'refused', status, reason }, refused)
    return refused
  }

  return {
    refuse,
    refuseExchange,
    accept(head, body, token) {
      if (!observer.decision && !watch) return
      report(head, body, { requestId: nextRequestId(), outcome: 'accepted', ...(token && { token }) })
    },
    nextRequestId,
  }
}

/** What clients are told in `X-Request-Id`, as {@link createRequestIds} makes it; tokens are longer. */
export const REQUEST_ID = /^[0-9a-f]{12}-[0-9a-z]{1,8}$/

/** Counted rather than random for each request: an id has to be unique and say nothing, and this costs next to nothing. */
function createRequestIds(): () => string {
  const prefix = crypto.randomUUID().slice(-12)
  let count = 0
  return () => `${prefix}-${(++count).toString(36)}`
}
