import { randomBytes } from 'node:crypto'
import { decodeJwt } from 'jose'
import { type Finding, finding } from './finding.ts'
import type { Answer, Probe } from './probe.ts'
import type { Metadata } from './tenant.ts'
import { authorizationRequest } from './trial.ts'

export interface AuthorizationServerAttack {
  readonly probe: Probe
  /** Host that the person named: endpoints elsewhere are left alone. */
  readonly host: string
  /** Has a person sign in at the URL, and says where the browser was sent in the end. Without it no code is raced. */
  readonly signIn?: (authorizeUrl: URL) => Promise<URL>
  /** Redirect URI of the clients that are registered for the trial; on loopback. */
  readonly redirectUri?: string
  /** Shows the resource a token for another one. */
  readonly bringForeignToken: (token: string) => Promise<Finding[]>
}

const REDIRECT_URI = 'http://127.0.0.1:8766/callback'
const FOREIGN = 'https://attacker.example/callback'
const FOREIGN_RESOURCE = 'https://attacker.example/mcp'
/** So many requests at once; two would do, more make a race more likely to show. */
const RACERS = 5

/** Registers clients at an authorization server, and tries what it lets them do. */
export async function attackAuthorizationServer(
  metadata: Metadata,
  options: AuthorizationServerAttack,
): Promise<Finding[]> {
  const { probe, host, redirectUri = REDIRECT_URI } = options
  const { registration_endpoint: registration, authorization_endpoint: authorization } = metadata
  if (!isAt(host, registration) || !isAt(host, authorization)) return []
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
  return [...found, ...(await attackTokens(metadata, clientId, redirectUri, options))]
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
  { authorization_endpoint: authorization, token_endpoint: endpoint, scopes_supported: scopes }: Metadata,
  clientId: string,
  redirectUri: string,
  { probe, host, signIn, bringForeignToken }: AuthorizationServerAttack,
): Promise<Finding[]> {
  if (!signIn || !isAt(host, endpoint)) return []
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
  const token = String(foreign?.access_token)
  // A token says itself for whom it is when it is a JWT; of others nobody knows whether the request for another was heeded.
  return [audienceOf(token)].flat().includes(FOREIGN_RESOURCE) ? bringForeignToken(token) : []
}

/** A server may name endpoints on any host. */
function isAt(host: string, endpoint: unknown): endpoint is string {
  return typeof endpoint === 'string' && URL.canParse(endpoint) && new URL(endpoint).hostname === host
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
