import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientError,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client'
import { type AdmissionRules, admit, type Person } from './admission.ts'
import { createNewestKeys } from './newest-keys.ts'
import { type Identification, type Upstream, UpstreamMisconfiguredError, UpstreamUnavailableError } from './upstream.ts'

export type Claims = Readonly<Record<string, unknown>>

/** What is special about one provider. */
export interface OpenIdPreset {
  /** For people. Default: the host of the provider. */
  readonly title?: string
  readonly scopes: readonly string[]
  /** Further parameters of the authorization request. */
  readonly parameters?: Readonly<Record<string, string>>
  /** `prompt` for somebody who wants another account than the one that the provider would take. */
  readonly promptForAnother: string
  /** Whether claims beyond who it is stand at the userinfo endpoint only. Default false. */
  readonly userInfo?: boolean
  /** Whether the end of one grant at the provider ends all that the person has with this client. */
  readonly revokesAll?: boolean
  /** @returns `undefined` where the claims do not say who it is. */
  personOf(claims: Claims, options: ClaimNames): Person | undefined
}

export interface ClaimNames {
  /** Claim with groups; default `groups`. */
  groupsClaim: string
  /** Claim with roles; default `roles`. */
  rolesClaim: string
}

export interface UpstreamClient {
  clientId: string
  clientSecret?: string
  fetch: typeof globalThis.fetch
  /** Longest wait for one answer. */
  timeoutSeconds: number
}

export interface OpenIdUpstreamOptions extends UpstreamClient, ClaimNames {
  preset: OpenIdPreset
  /** Issuer, or URL of its metadata document. */
  metadataUrl: string
  /** What the provider calls itself, where it is asked at another URL. Default: what follows from `metadataUrl`. */
  issuer?: string
  /** Requested besides those of the preset. */
  scopes: readonly string[]
  rules: AdmissionRules
  /** Longest time that somebody is let in without being asked about, where the provider gives no refresh token. */
  maxAgeSeconds: number
  /** Milliseconds since the Unix epoch. */
  now: () => number
}

type Tokens = Awaited<ReturnType<typeof refreshTokenGrant>>

interface Memory {
  nonce: string
  verifier: string
}

/** What is kept of a sign-in: no access token and no ID token. */
interface Session {
  refreshToken?: string
  claims: Claims
  /** Seconds since the Unix epoch. */
  signedInAt: number
}

/**
 * Signs people in by OpenID Connect: code flow with PKCE, nonce and `state`; `iss` of the response (RFC 9207) where the provider
 * sends it; ID token with signature, `iss`, `aud`, `azp`, `nonce` and times.
 */
export function createOpenIdUpstream(options: OpenIdUpstreamOptions): Upstream {
  const { preset, rules } = options
  const configuration = keptOnceItWorks(() => discover(options))
  const withNewestKeys = createNewestKeys(authenticationOf(options.clientSecret))
  const nowSeconds = () => Math.floor(options.now() / 1000)

  return {
    name: preset.title ?? new URL(options.metadataUrl).host,
    endsAll: preset.revokesAll,

    depart: ({ state, redirectUri, another }) =>
      translated(async () => {
        const config = await configuration()
        const nonce = randomNonce()
        const verifier = randomPKCECodeVerifier()
        const url = buildAuthorizationUrl(config, {
          ...preset.parameters,
          ...(another && { prompt: preset.promptForAnother }),
          scope: requestedScopes(options, config),
          redirect_uri: redirectUri,
          state,
          nonce,
          code_challenge: await calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
        })
        return { url: url.href, memory: { nonce, verifier } satisfies Memory }
      }),

    identify: (answer, { state, redirectUri, memory }) =>
      translated(async () => {
        const { nonce, verifier } = memory as Memory
        const back = new URL(redirectUri)
        back.search = answer.toString()
        const tokens = await withNewestKeys(await configuration(), config =>
          authorizationCodeGrant(config, back, {
            expectedState: state,
            expectedNonce: nonce,
            pkceCodeVerifier: verifier,
            idTokenExpected: true,
          }),
        )
        return identified(await claimsOf(tokens), tokens.refresh_token, nowSeconds())
      }, asNobody),

    recheck: session =>
      translated(async () => {
        const { refreshToken, claims, signedInAt } = session as Session
        if (refreshToken === undefined) {
          const isOver = nowSeconds() - signedInAt >= options.maxAgeSeconds
          return isOver
            ? { outcome: 'nobody', reason: 'the sign-in is too old' }
            : identified(claims, undefined, signedInAt)
        }
        const tokens = await withNewestKeys(await configuration(), config => refreshTokenGrant(config, refreshToken))
        return identified((await claimsOf(tokens)) ?? claims, tokens.refresh_token ?? refreshToken, signedInAt)
      }, asNobody),

    end: session =>
      translated(async () => {
        const { refreshToken } = session as Session
        const config = await configuration()
        if (refreshToken === undefined || !config.serverMetadata().revocation_endpoint) return
        await tokenRevocation(config, refreshToken, { token_type_hint: 'refresh_token' })
      }),
  }

  async function claimsOf(tokens: Tokens): Promise<Claims | undefined> {
    const claims = tokens.claims()
    const config = await configuration()
    // An empty `sub` is nobody's, and is not asked about.
    if (!claims?.sub || !preset.userInfo || !config.serverMetadata().userinfo_endpoint) return claims
    return { ...(await fetchUserInfo(config, tokens.access_token, claims.sub)), ...claims }
  }

  function identified(
    claims: Claims | undefined,
    refreshToken: string | undefined,
    signedInAt: number,
  ): Identification {
    const person = claims && preset.personOf(claims, options)
    if (!person) return { outcome: 'nobody', reason: 'the ID token does not say who it is' }
    const admitted = admit(person, rules)
    return admitted.outcome === 'signed_in'
      ? { ...admitted, session: { refreshToken, claims, signedInAt } satisfies Session }
      : admitted
  }
}

function requestedScopes({ preset, scopes }: OpenIdUpstreamOptions, config: Configuration): string {
  const known = config.serverMetadata().scopes_supported
  // offline_access is asked for where the provider has it: some refuse requests with scopes that they do not know.
  const own = preset.scopes.filter(scope => scope !== 'offline_access' || !known || known.includes(scope))
  return [...new Set([...own, ...scopes])].join(' ')
}

async function discover(options: OpenIdUpstreamOptions): Promise<Configuration> {
  if (options.issuer !== undefined) return discoverNamed(options.issuer, options)
  const issuer = issuerOf(options.metadataUrl)
  try {
    return await discoverAt(issuer, options)
  } catch (error) {
    // A metadata URL does not tell whether the issuer ends in a slash.
    if ((error as ClientError).code !== 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' || issuer.endsWith('/')) throw error
    return discoverAt(`${issuer}/`, options)
  }
}

/** The library compares an issuer with the URL that it asked, so a document at another place is compared here. */
async function discoverNamed(issuer: string, options: OpenIdUpstreamOptions): Promise<Configuration> {
  const { metadataUrl } = options
  const isDocument = new URL(metadataUrl).pathname.includes('/.well-known/')
  const document = isDocument ? metadataUrl : `${metadataUrl.replace(/\/$/, '')}/.well-known/openid-configuration`
  const config = await discoverAt(document, options)
  if (config.serverMetadata().issuer === issuer) return config
  throw new Error(`the metadata at ${document} is that of another issuer; expected ${issuer}`)
}

/** @param place - Issuer, or URL of the document. */
async function discoverAt(place: string, options: OpenIdUpstreamOptions): Promise<Configuration> {
  const { clientId, clientSecret, fetch, timeoutSeconds } = options
  const url = new URL(place)
  return discovery(url, clientId, {}, authenticationOf(clientSecret), {
    // `fetch` refuses hosts that are neither this machine nor named for it.
    execute:
      url.protocol === 'http:' ? [allowInsecureRequests, enableNonRepudiationChecks] : [enableNonRepudiationChecks],
    timeout: timeoutSeconds,
    [customFetch]: fetch,
  })
}

function issuerOf(metadataUrl: string): string {
  const { origin, pathname } = new URL(metadataUrl)
  const match = /^(.*)\/\.well-known\/(?:openid-configuration|oauth-authorization-server)(\/.*)?$/.exec(pathname)
  // A slash after the name of the document is no path of an issuer.
  return match ? origin + (match[2]?.replace(/\/$/, '') || match[1]) : metadataUrl
}

/** As the provider's metadata has it; in the form rather than in a header, whose encoding some providers get wrong. */
function authenticationOf(clientSecret: string | undefined): ReturnType<typeof None> {
  if (clientSecret === undefined) return None()
  const post = ClientSecretPost(clientSecret)
  return (as, client, body, headers) => {
    const methods = as.token_endpoint_auth_methods_supported
    const byForm = methods === undefined || methods.includes('client_secret_post')
    if (byForm) post(as, client, body, headers)
    else headers.set('authorization', `Basic ${btoa(`${formEncoded(client.client_id)}:${formEncoded(clientSecret)}`)}`)
  }
}

/** RFC 6749 §2.3.1. The library encodes - and . as well, which not every provider decodes; WHATWG leaves `-._*` as they are. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

/** The value of the first call that succeeds; those that fail are forgotten. */
function keptOnceItWorks<T>(make: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined
  return () => {
    kept ??= make().catch(error => {
      kept = undefined
      throw error
    })
    return kept
  }
}

/**
 * Runs a call, and sorts what goes wrong by who has to act: nobody (the upstream is down), the operator, or the person, who
 * signs in again.
 *
 * @param nobody - What is answered when the provider, or our checks, refuse what the person came with.
 */
async function translated<T>(call: () => Promise<T>, nobody?: (reason: string) => T): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const reason = reasonOf(error)
    if (isOutage(error)) throw new UpstreamUnavailableError(reason, { cause: error })
    if (nobody && isRefusal(error)) return nobody(reason)
    throw new UpstreamMisconfiguredError(reason, { cause: error })
  }
}

const asNobody = (reason: string): Identification => ({ outcome: 'nobody', reason })

function isOutage(error: unknown): boolean {
  if (error instanceof ResponseBodyError)
    return isOutageStatus(error.status) || error.error === 'temporarily_unavailable'
  if (error instanceof AuthorizationResponseError) return OUTAGE_ERRORS.has(error.error)
  if (error instanceof ClientError) {
    // A key that cannot be had yet says nothing about the person.
    if (error.code === 'OAUTH_TIMEOUT' || error.code === 'OAUTH_KEY_SELECTION_FAILED') return true
    return error.cause instanceof Response && isOutageStatus(error.cause.status)
  }
  // What `fetch` throws: no connection, no name, no certificate.
  return error instanceof TypeError && !('code' in error)
}

const OUTAGE_ERRORS = new Set(['temporarily_unavailable', 'server_error'])

export const isOutageStatus = (status: number) => status >= 500 || status === 429 || status === 408

function isRefusal(error: unknown): boolean {
  if (error instanceof ResponseBodyError) return error.error === 'invalid_grant'
  return (
    error instanceof AuthorizationResponseError || (error instanceof ClientError && FORGERIES.has(error.code ?? ''))
  )
}

/** Checks that fail when a response or an ID token is not the one that belongs to this sign-in. */
const FORGERIES = new Set([
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_PARSE_ERROR',
])

/** For the log: codes and claim names, never values. */
function reasonOf(error: unknown): string {
  if (error instanceof ResponseBodyError || error instanceof AuthorizationResponseError) return error.error
  const { code, message, cause } = error as { code?: string; message: string; cause?: unknown }
  const status = cause instanceof Response ? ` (status ${cause.status})` : ''
  const claim = (cause as { cause?: { claim?: unknown } } | undefined)?.cause?.claim
  return `${code ?? message}${status}${typeof claim === 'string' ? ` (${claim})` : ''}`
}
