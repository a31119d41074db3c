import type { ConfigProblem } from '../src/config-error.ts'
import type { Settings } from './settings.ts'

/** Settings that are right by themselves, and of which one makes another useless. */
export function contradictions(settings: Readonly<Settings>, usesOwnServer: boolean): ConfigProblem[] {
  return [...tokenHeader(settings, usesOwnServer), ...lifetimes(settings, usesOwnServer)]
}

/** Of a demo, whose access tokens have no setting. */
const ACCESS_TOKEN_SECONDS = 3_600

function lifetimes(settings: Readonly<Settings>, usesOwnServer: boolean): ConfigProblem[] {
  const { AUTH_BRIDGE, BRIDGE_RECHECK_SECONDS, SIGN_IN_IDLE_SECONDS, SIGN_IN_MAX_SECONDS } = settings
  const accessToken = AUTH_BRIDGE === 'on' ? BRIDGE_RECHECK_SECONDS : ACCESS_TOKEN_SECONDS
  if (!usesOwnServer) return []
  const lifetimes = { SIGN_IN_IDLE_SECONDS, SIGN_IN_MAX_SECONDS }
  return Object.entries(lifetimes).flatMap(([setting, seconds]) => {
    if (seconds === undefined || seconds > accessToken) return []
    const problem = `must be more than ${accessToken}, the life of an access token: clients refresh only when that is over`
    return [{ setting, problem, see: 'docs/bridge.md' }]
  })
}

function tokenHeader({ AUTH_TOKEN_HEADER, DPOP }: Readonly<Settings>, usesOwnServer: boolean): ConfigProblem[] {
  if (AUTH_TOKEN_HEADER === undefined) return []
  const report = (problem: string) => [{ setting: 'AUTH_TOKEN_HEADER', problem, see: 'docs/gateways.md' }]
  if (usesOwnServer) {
    return report(
      'is set, but clients send the tokens of our own authorization server (demo, bridge) in Authorization, which is then not read. Name the provider whose tokens the gateway passes on (AUTH_PROVIDER, AUTH_CONFIG), or remove it',
    )
  }
  if (DPOP === 'required') {
    return report('is set with DPOP=required, but a gateway passes tokens on without a proof. Remove one of the two')
  }
  return []
}

/** A port that one program is to use twice. */
export function portProblems({ AUTH_SERVER_PORT, METRICS_PORT, PORT }: Readonly<Settings>): ConfigProblem[] {
  const other = METRICS_PORT === PORT ? 'PORT' : METRICS_PORT === AUTH_SERVER_PORT ? 'AUTH_SERVER_PORT' : undefined
  if (other === undefined) return []
  const problem = `is the same as ${other} (${METRICS_PORT}): choose another, or set METRICS_TOKEN instead to keep /metrics on that port`
  return [{ setting: 'METRICS_PORT', problem, see: 'docs/production.md' }]
}

/** The same, where the server works as it is. */
export function contradictionWarnings({ AUTH_API_KEYS_FILE, DPOP }: Readonly<Settings>): ConfigProblem[] {
  if (AUTH_API_KEYS_FILE === undefined || DPOP !== 'required') return []
  const problem = 'has no effect: with DPOP=required every API key is refused, because it is not bound to anything'
  return [{ setting: 'AUTH_API_KEYS_FILE', problem, see: 'docs/api-keys.md' }]
}
