import type { AuthObserver, Decision } from 'idplug'
import { type DestinationStream, destination, type Logger, pino } from 'pino'

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
 * JSON lines for everything that an {@link AuthObserver} is told. One audit event per decision: `info` for what clients do, `warn`
 * for an outage, `error` where the fault is ours. Holds who, through which client and why; never the token.
 *
 * @param logger - Default: standard output, from `info` on.
 * @param shadowProvider - Name of the provider that is tried out, where there is one.
 */
export function jsonLines(logger: Logger = createLogger('info'), shadowProvider?: string): AuthObserver {
  return {
    decision: decision => logDecision(logger, decision),
    warning: (message, facts) => logger.warn({ event: 'validator_warning', facts }, message),
    authorizationServer: (event, facts) => logAuthorizationServer(logger, event, facts),
    // `warn` where the provider that is tried out disagrees with an answer that was given.
    shadow({ active, shadow, reason, token }) {
      if (shadow === 'not_asked') return
      const { kind, ...facts } = reason ?? { kind: undefined }
      const level = active === 'accepted' && shadow === 'refused' ? 'warn' : 'info'
      const event = { event: 'shadow_observed', provider: shadowProvider, active, shadow, reason: kind, facts }
      logger[level]({ ...event, ...who(token) })
    },
    links(outcome) {
      if ('links' in outcome) logger.info({ event: 'links_read', links: outcome.links })
      else
        logger.error({ event: 'links_not_read', message: outcome.error.message }, 'the links read before stay in use')
    },
  }
}

function logDecision(logger: Logger, decision: Decision): void {
  const { requestId, token, provider, operation, address } = decision
  const facts = { request_id: requestId, ...who(token), provider, operation, address }
  if (decision.outcome === 'accepted') {
    logger.info({ event: 'request_accepted', ...facts })
    return
  }
  const { status, reason, error } = decision
  if (!reason) {
    logger.error({ event: 'request_failed', status, ...facts, err: error }, 'a bug ended a request')
    return
  }
  const { kind, ...details } = reason
  const level = status === 500 ? 'error' : status === 503 ? 'warn' : 'info'
  logger[level]({ event: 'request_refused', status, reason: kind, facts: details, ...facts })
}

function who(token: Decision['token']) {
  return token && { issuer: token.issuer, subject: token.subject, client_id: token.clientId }
}

/** What went wrong by our own fault is an error, what we depend on and miss a warning; refusals are the day's work. */
function logAuthorizationServer(
  logger: Logger,
  event: string,
  { error, ...facts }: Readonly<Record<string, unknown>>,
): void {
  if (event === 'server_error') logger.error({ ...facts, event, err: error })
  else if (event === 'upstream_rejected_us' || facts.outcome === 'misconfigured')
    logger.error({ ...facts, event, error })
  else if (WARNINGS.has(event) || facts.outcome === 'unavailable' || error === 'temporarily_unavailable')
    logger.warn({ ...facts, event, error })
  else logger.info({ ...facts, event, error })
}

const WARNINGS = new Set([
  'store_unreachable',
  'upstream_unavailable',
  'upstream_without_refresh_token',
  'signing_keys_not_loaded',
])
