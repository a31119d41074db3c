import type { AuthObserver, Decision } from 'idplug'
import { type DestinationStream, destination, type Logger, pino } from 'pino'
import { levelOf } from './events.ts'

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

/**
 * JSON lines.
 *
 * @param stream - Where to write them. Default: standard output, {@link inBlocks}.
 */
export function createLogger(level: LogLevel, stream: DestinationStream = inBlocks(1)): Logger {
  return pino({ level, base: null, timestamp: isoTimes(), formatters: { level: label => ({ level: label }) } }, stream)
}

/** ISO 8601, made once for all lines of a millisecond: it takes as long as the rest of a line. */
function isoTimes(): () => string {
  let time = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== time) {
      time = now
      text = `,"time":"${new Date(now).toISOString()}"`
    }
    return text
  }
}

/** In characters. */
const BLOCK = 32_768
const LONGEST_WAIT_MILLISECONDS = 100

/**
 * Lines of a tenth of a second, or of 32 KiB, are written together: each write costs as much as a tenth of a request. They are collected
 * here, because the destination counts the bytes of each line again and again.
 *
 * @param dest - A file descriptor, or the path of a file.
 */
export function inBlocks(dest: number | string): DestinationStream & { flush(done?: (error?: Error) => void): void } {
  const file = destination({ dest, sync: false })
  let lines = ''
  let timer: ReturnType<typeof setTimeout> | undefined
  const handOver = () => {
    clearTimeout(timer)
    timer = undefined
    if (lines === '') return
    file.write(lines)
    lines = ''
  }
  // Before the destination writes what it has, and ends.
  process.prependListener('beforeExit', handOver)
  process.prependListener('exit', handOver)
  return {
    write(line) {
      lines += line
      if (lines.length >= BLOCK) handOver()
      else timer ??= setTimeout(handOver, LONGEST_WAIT_MILLISECONDS).unref()
    },
    flush(done) {
      handOver()
      file.flush(done)
    },
  }
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

/** Members are spelled as those of the other lines: `client_id`. */
function logAuthorizationServer(logger: Logger, event: string, facts: Readonly<Record<string, unknown>>): void {
  const { error, ...others } = facts
  const members = Object.entries(others).map(([name, value]) => [snakeCase(name), value])
  const problem = event === 'server_error' ? { err: error } : { error }
  logger[levelOf(event, facts)]({ event, ...Object.fromEntries(members), ...problem })
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
