import { type Auth, AuthorizationError, ValidatorUnavailableError } from 'idplug'

/** What `/ready` answers. */
export interface Readiness {
  readonly status: 200 | 503
  readonly headers: Readonly<Record<string, string>>
  readonly body: object
}

/**
 * Whether the sign-in of every server works.
 *
 * @param stopping - Aborts when the process is about to stop.
 */
export async function readiness(auths: readonly Auth[], stopping?: AbortSignal): Promise<Readiness> {
  try {
    await Promise.all(auths.map(auth => auth.ready()))
    return { status: 200, headers: {}, body: { status: 'ready' } }
  } catch (error) {
    if (stopping?.aborted) return notReady('stopping')
    const reason = error instanceof AuthorizationError ? error.reason.kind : 'store_unreachable'
    const isAway = error instanceof ValidatorUnavailableError
    return notReady(reason, isAway ? { 'Retry-After': String(error.retryAfterSeconds) } : {})
  }
}

const notReady = (reason: string, headers: Readiness['headers'] = {}): Readiness => ({
  status: 503,
  headers,
  body: { status: 'not ready', reason },
})
