import { randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { decodeJwt } from 'jose'
import { type Finding, finding } from './finding.ts'
import type { Answer, Probe } from './probe.ts'
import { call } from './request.ts'
import type { ServerFacts } from './server.ts'
import type { Metadata } from './tenant.ts'
import { authorizationRequest } from './trial.ts'

export interface AttackOptions {
  readonly probe: Probe
  /** An access token that the server accepts. Without one, tricks with good tokens are left out. */
  readonly token?: string
  /** Has a person sign in at the URL, and says where the browser was sent in the end. Without it no code is raced. */
  readonly signIn?: (authorizeUrl: URL) => Promise<URL>
  /** Redirect URI of the clients that are registered for the trial; on loopback. */
  readonly redirectUri?: string
}

const REDIRECT_URI = 'http://127.0.0.1:8766/callback'
const FOREIGN = 'https://attacker.example/callback'
const FOREIGN_RESOURCE = 'https://attacker.example/mcp'
/** So many requests at once; two would do, more make a race more likely to show. */
const RACERS = 5
const WAIT_MILLISECONDS = 10_000

/**
 * Tries what an attacker would try, against the user's own server: it registers clients and uses up codes. Authorization
 * servers on other hosts are a provider's, and left alone.
 */
export async function attackServer(facts: ServerFacts, options: AttackOptions): Promise<Finding[]> {
  const own = facts.authorizationServers.filter(({ issuer }) => hostOf(issuer) === hostOf(facts.url))
  const found = [await tryForwardedHost(facts, options), ...(await tryGoodToken(facts.url, options))]
  for (const { metadata } of own)
    if (metadata) found.push(...(await attackAuthorizationServer(facts.url, metadata, options)))
  return found.filter(item => item !== undefined)
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}

async function tryForwardedHost(
  { url, challenge }: ServerFacts,
  { probe }: AttackOptions,
): Promise<Finding | undefined> {
  const metadataUrl = challenge?.parameters.resource_metadata
  if (metadataUrl === undefined) return undefined
  const headers = {
    forwarded: 'host=attacker.example;proto=http',
    'x-forwarded-host': 'attacker.example',
    'x-forwarded-proto': 'http',
    'x-original-url': 'https://attacker.example/mcp',
  }
  const answers = [await probe(metadataUrl, { headers }), await call(probe, url, headers)]
  const echo = answers.find(answer => answer.outcome === 'answered' && echoes(answer))
  return echo && finding('attack.forwarded_host', `attacker.example from X-Forwarded-Host came back from ${echo.url}`)
}

function echoes(answer: Answer): boolean {
  if (answer.outcome === 'failed') return false
  return `${answer.headers.get('www-authenticate')} ${answer.text}`.includes('attacker.example')
}

async function tryGoodToken(url: string, { probe, token }: AttackOptions): Promise<(Finding | undefined)[]> {
  if (token === undefined) return []
  const target = new URL(url)
  target.searchParams.set('access_token', token)
  const inQuery = await call(probe, target.href)
  const twice = await statusOfTwoHeaders(url, [`Bearer ${token}`, 'Bearer idplug-doctor'])
  return [
    inQuery.outcome === 'answered' && inQuery.status < 300
      ? finding('attack.token_in_query', `status ${inQuery.status} to ?access_token=`)
      : undefined,
    twice !== undefined && twice < 300
      ? finding('attack.two_credentials', `status ${twice} to two Authorization headers`)
      : undefined,
  ]
}

/** `fetch` would join the two into one header. `undefined` when there is no answer. */
function statusOfTwoHeaders(url: string, values: readonly string[]): Promise<number | undefined> {
  const headers = [
    ...['host', new URL(url).host, 'content-type', 'application/json', 'accept', 'application/json, text/event-stream'],
    ...values.flatMap(value => ['authorization', value]),
  ]
  const request = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise(resolve => {
    const signal = AbortSignal.timeout(WAIT_MILLISECONDS)
    const outgoing = request(url, { method: 'POST', headers, signal }, answer => {
      resolve(answer.statusCode)
      answer.destroy()
    })
    outgoing.on('error', () => resolve(undefined))
    outgoing.end('{"jsonrpc":"2.0","id":1,"method":"ping"}')
  })
}

async function attackAuthorizationServer(url: string, metadata: Metadata, options: AttackOptions): Promise<Finding[]> {
  const { probe, redirectUri = REDIRECT_URI } = options
  const { registration_endpoint: registration, authorization_endpoint: authorization } = metadata
  if (typeof registration !== 'string' || typeof authorization !== 'string') return []
  const script = await register(probe, registration, 'javascript:alert(document.domain)//')
  const found = script === undefined ? [] : [finding('attack.script_redirect_registered', `client ${script}`)]
  const clientId = await register(probe, registration, redirectUri)
  if (clientId === undefined) return found
  const request = (changes: Record<string, string>) =>
    probe(authorizationRequest(authorization, { client_id: clientId, redirect_uri: redirectUri, ...changes }).href)
  const foreign = locationOf(await request({ redirect_uri: FOREIGN }))
  const without = await request({ code_challenge: '', code_challenge_method: '' })
  const plain = await request({ code_challenge: randomBytes(32).toString('base64url'), code_challenge_method: 'plain' })
  const direct = locationOf(await request({}))
  if (foreign.startsWith(FOREIGN)) found.push(finding('attack.redirect_unregistered', `Location: ${FOREIGN}`))
  if (goesOn(without)) found.push(finding('attack.pkce_optional', 'a request without code_challenge is taken'))
  if (goesOn(plain)) found.push(finding('attack.pkce_plain', 'code_challenge_method=plain is taken'))
  if (direct.startsWith(redirectUri) && new URL(direct).searchParams.has('code')) {
    found.push(finding('attack.consent_missing', 'the first answer to an unknown client holds a code'))
  }
  return [...found, ...(await attackTokens(url, metadata, clientId, redirectUri, options))]
}

async function register(probe: Probe, endpoint: string, redirectUri: string): Promise<string | undefined> {
  const answer = await probe(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({
      client_name: 'idplug doctor',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    }),
  })
  const { client_id: clientId } = (answer.outcome === 'answered' && answer.status < 300 && answer.json) || {}
  return typeof clientId === 'string' ? clientId : undefined
}

function locationOf(answer: Answer): string {
  return answer.outcome === 'answered' ? (answer.headers.get('location') ?? '') : ''
}

/** Whether an authorization server goes on with a request: to a page, or to a redirect that is no error. */
function goesOn(answer: Answer): boolean {
  if (answer.outcome === 'failed' || answer.status >= 400) return false
  return !/[?&#]error=/.test(locationOf(answer))
}

/** Redeems one code, and then one refresh token, several times at once; then asks for a token for somebody else, and brings it. */
async function attackTokens(
  url: string,
  { authorization_endpoint: authorization, token_endpoint: endpoint, scopes_supported: scopes }: Metadata,
  clientId: string,
  redirectUri: string,
  { probe, signIn }: AttackOptions,
): Promise<Finding[]> {
  if (!signIn || typeof endpoint !== 'string') return []
  const verifier = randomBytes(32).toString('base64url')
  const digest = await crypto.subtle.digest('SHA-256', Buffer.from(verifier))
  const scope = Array.isArray(scopes) && scopes.includes('offline_access') ? 'offline_access' : ''
  const end = await signIn(
    authorizationRequest(String(authorization), {
      client_id: clientId,
      redirect_uri: redirectUri,
      scope,
      state: randomBytes(16).toString('base64url'),
      code_challenge: Buffer.from(digest).toString('base64url'),
    }),
  )
  const code = end.searchParams.get('code')
  if (code === null) return []
  const redeem = (form: Record<string, string>) => raceForm(probe, endpoint, { client_id: clientId, ...form })
  const tokens = await redeem({
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  })
  if (tokens.length > 1) return [finding('attack.code_raced', `${tokens.length} of ${RACERS} answers held a token`)]
  const refreshToken = tokens[0]?.refresh_token
  if (typeof refreshToken !== 'string') return []
  const renewed = await redeem({ grant_type: 'refresh_token', refresh_token: refreshToken })
  const different = new Set(renewed.map(({ refresh_token }) => refresh_token)).size
  if (different > 1) return [finding('attack.refresh_raced', `${different} refresh tokens out of one`)]
  const form = { grant_type: 'refresh_token', client_id: clientId, resource: FOREIGN_RESOURCE }
  const last = String(renewed[0]?.refresh_token ?? refreshToken)
  const [foreign] = await raceForm(probe, endpoint, { ...form, refresh_token: last }, 1)
  return foreign ? tryForeignToken(url, String(foreign.access_token), probe) : []
}

/** A token says itself for whom it is when it is a JWT; of others nobody knows whether the request for another was heeded. */
async function tryForeignToken(url: string, token: string, probe: Probe): Promise<Finding[]> {
  if (![audienceOf(token)].flat().includes(FOREIGN_RESOURCE)) return []
  const answer = await call(probe, url, { authorization: `Bearer ${token}` })
  const isAccepted = answer.outcome === 'answered' && answer.status < 300
  return isAccepted
    ? [finding('attack.audience_foreign', `status ${answer.status} to a token whose aud is ${FOREIGN_RESOURCE}`)]
    : []
}

function audienceOf(token: string): unknown {
  try {
    return decodeJwt(token).aud
  } catch {
    return undefined
  }
}

/** Bodies of the answers that hold a token. */
async function raceForm(probe: Probe, endpoint: string, form: Record<string, string>, racers = RACERS) {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(form).toString(),
  }
  const answers = await Promise.all(Array.from({ length: racers }, () => probe(endpoint, init)))
  return answers.flatMap(answer =>
    answer.outcome === 'answered' && typeof answer.json?.access_token === 'string' ? [answer.json] : [],
  )
}
