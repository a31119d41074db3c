import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client'
import { type AdmissionRules, admit, type Person } from './admission.ts'
import { discover } from './discover.ts'
import { isCodeRefused, isRefreshRefused, sorted } from './failures.ts'
import { createNewestKeys } from './newest-keys.ts'
import type { Identification, Upstream } from './upstream.ts'

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
  const authentication = authenticationOf(options.clientSecret)
  const configuration = keptOnceItWorks(() => discover(options, authentication))
  const withNewestKeys = createNewestKeys(authentication)
  const nowSeconds = () => Math.floor(options.now() / 1000)

  return {
    name: preset.title ?? new URL(options.metadataUrl).host,
    endsAll: preset.revokesAll,

    depart: ({ state, redirectUri, another }) =>
      sorted(async () => {
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
      sorted(async () => {
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
      }, isCodeRefused),

    recheck: session =>
      sorted(async () => {
        const { refreshToken, claims, signedInAt } = session as Session
        if (refreshToken === undefined) {
          const isOver = nowSeconds() - signedInAt >= options.maxAgeSeconds
          return isOver
            ? { outcome: 'nobody', reason: 'the sign-in is too old' }
            : identified(claims, undefined, signedInAt)
        }
        const tokens = await withNewestKeys(await configuration(), config => refreshTokenGrant(config, refreshToken))
        return identified((await claimsOf(tokens)) ?? claims, tokens.refresh_token ?? refreshToken, signedInAt)
      }, isRefreshRefused),

    end: session =>
      sorted(async () => {
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
