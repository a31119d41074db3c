import { checks } from '../../conformance/checks/index.ts'
import { chooseChecks, type Result, runChecks } from '../../conformance/run.ts'
import type { Target } from '../../conformance/target.ts'
import { createTarget } from '../../conformance/target.ts'
import { attackAuthorizationServer } from './attack-authorization-server.ts'
import type { FindingCode } from './catalogue/index.ts'
import { type Finding, finding } from './finding.ts'
import type { Probe } from './probe.ts'
import type { ServerFacts } from './server.ts'

export interface AttackOptions {
  readonly probe: Probe
  /** An access token that the server accepts. Without one, tricks with good tokens are left out. */
  readonly token?: string
  /** Has a person sign in at the URL, and says where the browser was sent in the end. Without it no code is raced. */
  readonly signIn?: (authorizeUrl: URL) => Promise<URL>
  /** Redirect URI of the clients that are registered for the trial; on loopback. */
  readonly redirectUri?: string
}

/** Checks of `idplug conformance` that are attacks; what the others look at, doctor has looked at already. */
const ATTACKS = ['C13', 'C14', 'C16', 'C17', 'P24', 'B02', 'B03', 'B04', 'B05', 'B08', 'B12', 'V02', 'V25']
/** What each finds, where it has a finding of its own. */
const CODES: Readonly<Record<string, FindingCode>> = {
  P24: 'attack.forwarded_host',
  B02: 'attack.two_credentials',
  B04: 'attack.token_in_query',
  V02: 'attack.audience_foreign',
}

/**
 * Tries what an attacker would try, against the user's own server: it registers clients and uses up codes. Whatever is on another host
 * than the server itself belongs to somebody else, and is left alone.
 */
export async function attackServer(facts: ServerFacts, options: AttackOptions): Promise<Finding[]> {
  const { url } = facts
  const host = new URL(url).hostname
  const found = await attackResource(url, options.token === undefined ? {} : { token: options.token })
  for (const { metadata } of facts.authorizationServers.filter(({ issuer }) => hostOf(issuer) === host)) {
    if (!metadata) continue
    const bringForeignToken = (token: string) => attackResource(url, { 'other-audience-token': token }, ['V02'])
    found.push(...(await attackAuthorizationServer(metadata, { ...options, host, bringForeignToken })))
  }
  return found
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}

/** Runs the attacks of the conformance kit that need no issuer of its own. */
export async function attackResource(
  url: string,
  tokens: Target['tokens'],
  ids: readonly string[] = ATTACKS,
): Promise<Finding[]> {
  const chosen = chooseChecks(checks, ids).chosen.filter(({ tier }) => tier < 2)
  const results = await runChecks(createTarget(url, { tokens, isOwn: true }), chosen)
  return results.flatMap(result => findingOf(url, result))
}

function findingOf(url: string, { check: { id, title, source }, verdict, because, evidence }: Result): Finding[] {
  if (verdict !== 'fail' && verdict !== 'warn') return []
  const status = evidence[0] ? ` (status ${evidence[0].status})` : ''
  const code = CODES[id]
  if (code) return [finding(code, `${because}${status}`)]
  const cure = `idplug conformance ${url} --only ${id} shows the request and the place in ${source.document}.`
  const general = verdict === 'fail' ? 'attack.must_not_met' : 'attack.should_not_met'
  return [finding(general, `${id} ${title}: ${because}${status}`, undefined, cure)]
}
