import { type DestinationStream, destination, type Logger, pino } from 'pino'
import type { Decision } from '../../src/bearer/authenticator.ts'
import type { ValidatorObserver } from '../../src/context.ts'
import { AuthorizationError } from '../../src/errors.ts'
import type { ShadowObservation } from '../../src/validators/shadow.ts'

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

/**
 * JSON lines on standard output, written in blocks: a line per request would otherwise cost a system call each.
 *
 * @param stream - Where to write instead; for tests.
 */
export function createLogger(level: LogLevel, stream?: DestinationStream): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: label => ({ level: label }) } },
    stream ?? destination({ dest: 1, sync: false, minLength: 4096, periodicFlush: 100 }),
  )
}

/**
 * One audit event per decision: `info` for what clients do, `warn` for an outage, `error` where the fault is ours.
 * Holds who, through which client and why; never the token.
 */
export function auditLog(logger: Logger): (decision: Decision) => void {
  return ({ requestId, outcome, status, error, token }) => {
    const who = token && { issuer: token.issuer, subject: token.subject, client_id: token.clientId }
    if (outcome === 'accepted') {
      logger.info({ event: 'request_accepted', request_id: requestId, ...who })
      return
    }
    if (!(error instanceof AuthorizationError)) {
      logger.error(
        { event: 'request_failed', request_id: requestId, status, ...who, err: error },
        'a bug ended a request',
      )
      return
    }
    const { kind, ...facts } = error.reason
    const level = error.status === 500 ? 'error' : error.status === 503 ? 'warn' : 'info'
    logger[level]({ event: 'request_refused', request_id: requestId, status, reason: kind, facts, ...who })
  }
}

/** What validators report beside their answers: stale keys, refused credentials of ours. */
export function observerLog(logger: Logger): ValidatorObserver {
  return { warning: (message, facts) => logger.warn({ event: 'validator_warning', facts }, message) }
}

/** One event for every token that the provider in the shadow was asked about; `warn` where it disagrees with an answer given. */
export function shadowLog(logger: Logger, provider: string | undefined): (observation: ShadowObservation) => void {
  return ({ active, shadow, reason, token }) => {
    if (shadow === 'not_asked') return
    const { kind, ...facts } = reason ?? { kind: undefined }
    const who = token && { issuer: token.issuer, subject: token.subject, client_id: token.clientId }
    const level = active === 'accepted' && shadow === 'refused' ? 'warn' : 'info'
    logger[level]({ event: 'shadow_observed', provider, active, shadow, reason: kind, facts, ...who })
  }
}

/** What came of reading the file of identity links again. */
export function linksLog(logger: Logger): (outcome: { links: number } | { error: Error }) => void {
  return outcome => {
    if ('links' in outcome) logger.info({ event: 'links_read', links: outcome.links })
    else
      logger.error({ event: 'links_not_read', message: outcome.error.message }, 'the links from before stay in force')
  }
}
