import type { ConfigProblem } from '../src/config-error.ts'
import type { Settings } from './settings.ts'
import type { StoreConfiguration } from './store.ts'

/** What the configuration comes to, as far as it can be unsafe. */
export interface Posture {
  readonly settings: Readonly<Settings>
  readonly store: StoreConfiguration
  /** Where our own authorization server runs. */
  readonly mode: 'beside' | 'embedded' | 'separate'
  readonly publicUrl: string
  /** Issuer of our own authorization server; absent where that is not used. */
  readonly ownIssuer?: string
}

const SEE = 'docs/production.md'

/**
 * What must not go into production (`NODE_ENV=production`): it would work, and be open to strangers or forget its users. The demo
 * sign-in has a rule of its own, in `fake-sign-in.ts`.
 *
 * @returns Every problem at once.
 */
export function productionProblems({ settings, store, mode, publicUrl, ownIssuer }: Posture): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const report = (setting: string, problem: string) => void problems.push({ setting, problem, see: SEE })
  const isBridge = settings.AUTH_BRIDGE === 'on'

  if (!isHttps(publicUrl))
    report('PUBLIC_URL', `is ${publicUrl}: in production clients must reach the server over https`)
  if (ownIssuer !== undefined) {
    if (!isHttps(ownIssuer)) report('AUTH_SERVER_URL', `is ${ownIssuer}: in production the issuer must be https`)
    if (mode === 'separate' && settings.DEMO_RS_CLIENT_SECRET === undefined) {
      report(
        'DEMO_RS_CLIENT_SECRET',
        'is not set: production does not use a generated default (openssl rand -base64 32 makes one)',
      )
    }
  }
  if (isBridge && store.kind === 'memory') {
    report(
      'REDIS_URL',
      'is not set, nor are DATABASE_URL and AUTH_DATA_DIR: a restart would log everybody out and forget every client, because their data is only in memory',
    )
  }
  // Elsewhere it is missing whether this is production or not.
  if (isBridge && store.kind === 'memory' && settings.BRIDGE_KEYS === undefined) {
    report('BRIDGE_KEYS', 'is not set: production does not use a generated default (openssl rand -base64 32 makes one)')
  }
  return problems
}

const isHttps = (url: string) => new URL(url).protocol === 'https:'
