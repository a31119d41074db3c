import type { ConfigProblem } from '../src/config-error.ts'
import { isLoopback } from '../src/url.ts'
import type { Settings } from './settings.ts'

/** A server that issues or accepts tokens of the demo sign-in. */
export interface FakeSignIn {
  readonly settings: Readonly<Settings>
  /** Every name of every server. */
  readonly publicUrls: readonly string[]
  /** Of the demo authorization server. */
  readonly issuer: string
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
export function checkFakeSignIn({ settings, publicUrls, issuer, isProduction, inCode }: FakeSignIn): {
  problem?: ConfigProblem
  warning?: ConfigProblem
} {
  const { ALLOWED_HOSTS, HOST } = settings
  const foreign = ALLOWED_HOSTS.filter(host => !isLocalUrl(`http://${host}`))
  const open = publicUrls.filter(url => !isLocalUrl(url))
  const exposures = [
    ...(open.length > 0 ? [`the server's URL is ${open[0]}`] : []),
    ...(isLocalUrl(issuer) || open.some(url => new URL(url).origin === new URL(issuer).origin)
      ? []
      : [`AUTH_SERVER_URL is ${issuer}`]),
    ...(isLocalAddress(HOST) ? [] : [`HOST is ${HOST}`]),
    ...(foreign.length === 0 ? [] : [`ALLOWED_HOSTS has ${foreign.join(', ')}`]),
    ...(isProduction ? ['NODE_ENV is production'] : []),
  ]
  if (exposures.length === 0) return {}
  const why = exposures.join(', ')
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

const isLocalUrl = (url: string) => URL.canParse(url) && isLoopback(new URL(url).hostname)

/** An address to listen on: an IPv6 one has no brackets here. */
const isLocalAddress = (host: string) => isLoopback(host) || isLoopback(`[${host}]`)
