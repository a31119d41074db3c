import type { AuthObserver } from '../src/auth.ts'
import { describeReason } from '../src/reasons.ts'

/** Events of the authorization server after which somebody has to change something. */
const FOR_THE_OPERATOR = new Set([
  'upstream_rejected_us',
  'upstream_session_unreadable',
  'upstream_without_refresh_token',
  'client_documents_unreachable',
  'proxy_not_trusted',
])
const MINUTE = 60_000
/** Causes remembered at once; beyond, they are forgotten together. */
const MOST_CAUSES = 1_000

/**
 * For servers without an observer: what is our fault or our operator's is written to standard error, each cause once a minute.
 *
 * @param write - Default: `console.error`.
 * @param now - Milliseconds since the Unix epoch.
 */
export function stderrObserver(
  write: (line: string) => void = console.error,
  now: () => number = Date.now,
): AuthObserver {
  const toldAt = new Map<string, number>()

  function tell(cause: string, line: string): void {
    const last = toldAt.get(cause)
    if (last !== undefined && now() - last < MINUTE) return
    if (toldAt.size >= MOST_CAUSES) toldAt.clear()
    toldAt.set(cause, now())
    write(`idplug: ${line}`)
  }

  return {
    decision(decision) {
      if (decision.outcome !== 'refused' || decision.status !== 500) return
      const { reason, error, requestId } = decision
      if (reason)
        return tell(describeReason(reason), `request ${requestId} was answered 500: ${describeReason(reason)}`)
      const bug = error instanceof Error ? (error.stack ?? error.message) : String(error)
      tell(bug, `a bug ended request ${requestId}: ${bug}`)
    },
    authorizationServer(event, { error, outcome, reason }) {
      if (event === 'server_error') tell(String(error), `a bug in the authorization server: ${error}`)
      if (FOR_THE_OPERATOR.has(event) || outcome === 'rejected_us') tell(`${event} ${reason}`, `${event}: ${reason}`)
    },
    warning(message, facts) {
      tell(message, Object.keys(facts).length === 0 ? message : `${message} ${JSON.stringify(facts)}`)
    },
  }
}
