import type { ConfigProblem } from '../src/config-error.ts'
import { exposures, type Reach } from './exposure.ts'
import type { Settings } from './settings.ts'

/** A server that issues or accepts tokens of the demo sign-in. */
export interface FakeSignIn extends Reach {
  readonly settings: Readonly<Settings>
  readonly isProduction: boolean
  /** The code names its providers, and settings do not. */
  readonly inCode: boolean
}

const SWITCH = 'DANGEROUSLY_ALLOW_FAKE_SIGN_IN'

/**
 * Whether the demo sign-in may start. It lets anybody in as anybody, so it must stay on this machine and out of production,
 * unless {@link SWITCH} allows it.
 *
 * @returns A problem where it must not start, and a warning where the switch allows it.
 */
export function checkFakeSignIn({ settings, isProduction, inCode, ...reach }: FakeSignIn): {
  problem?: ConfigProblem
  warning?: ConfigProblem
} {
  const found = [...exposures({ settings, ...reach }), ...(isProduction ? ['NODE_ENV is production'] : [])]
  if (found.length === 0) return {}
  const why = found.join(', ')
  if (settings[SWITCH] === 'on') {
    const problem = `is on: anybody can sign in as anybody (${why})`
    return { warning: { setting: SWITCH, problem, see: SEE } }
  }
  const [setting, is] = inCode ? ['providers', 'includes demo,'] : choiceOf(settings)
  const problem = `${is} a sign-in that lets anybody in as anybody, and others could reach it (${why}). Name a real provider, keep the server on this machine (localhost, HOST=127.0.0.1), or set ${SWITCH}=on`
  return { problem: { setting, problem, see: SEE } }
}

/** The setting that led to the demo sign-in, and how. */
function choiceOf({ AUTH_CONFIG, AUTH_PROVIDER }: Settings): [setting: string, is: string] {
  if (AUTH_PROVIDER.includes('demo')) return ['AUTH_PROVIDER', 'includes demo,']
  if (AUTH_PROVIDER.length > 0) return ['AUTH_BRIDGE', 'is not on, so this authorization server is the demo,']
  return AUTH_CONFIG.length > 0 ? ['AUTH_CONFIG', 'includes demo,'] : ['AUTH_PROVIDER', 'is not set, which means demo,']
}

const SEE = 'docs/production.md'
