import { HTTPS_NEEDED } from '../src/adapter-options.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import { mayBeAsked } from '../src/url.ts'
import type { Settings } from './settings.ts'

const SEE = 'docs/settings.md'

/** Options that name a place where a provider is asked. An issuer is a name, and is asked nowhere. */
const ASKED = /^(metadataUrl|jwksUri|keyUrl|\w+Endpoint)$/

/** Options with a URL that must not be asked, with what to do. */
export function urlsNotToAsk(
  options: Readonly<Record<string, unknown>>,
  insecureHosts: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([option, value]) => {
      const problem = ASKED.test(option) ? askedUrlProblem(value, insecureHosts) : undefined
      return problem === undefined ? [] : [[option, problem]]
    }),
  )
}

/** Why a URL must not be asked, as the end of a sentence; `undefined` when it may, or when it is none. */
export function askedUrlProblem(value: unknown, insecureHosts: readonly string[]): string | undefined {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  if (!url) return undefined
  if (url.pathname.includes('//')) {
    return 'leads to a URL with // in its path, where nothing is: leave out the slash at the end or at the beginning'
  }
  if (mayBeAsked(url, insecureHosts)) return undefined
  const cure = `; if ${url.hostname} is inside your own network, name it in AUTH_INSECURE_HOSTS`
  return HTTPS_NEEDED + (url.protocol === 'http:' ? cure : '')
}

/** What an operator should know at every start. */
export function insecureHostsWarning(hosts: readonly string[]): ConfigProblem[] {
  if (hosts.length === 0) return []
  const problem = `lets this server ask ${hosts.join(', ')} over http: whoever can change that traffic can sign in as anybody. Keep it inside a network of your own`
  return [{ setting: 'AUTH_INSECURE_HOSTS', problem, see: SEE }]
}

/** What is wrong with `AUTH_SERVER_INTERNAL_URL`. */
export function internalUrlProblems(settings: Settings, mode: string, usesOwnServer: boolean): ConfigProblem[] {
  const { AUTH_SERVER_INTERNAL_URL: url } = settings
  if (url === undefined) return []
  const problem =
    mode !== 'separate' || !usesOwnServer
      ? 'is for AUTH_MODE=separate, with tokens of our own authorization server; elsewhere nobody reads it'
      : new URL(url).origin === url
        ? undefined // the provider that is asked there reports http
        : `must be an origin without a path or a slash at the end, like ${new URL(url).origin}`
  return problem === undefined ? [] : [{ setting: 'AUTH_SERVER_INTERNAL_URL', problem, see: SEE }]
}
