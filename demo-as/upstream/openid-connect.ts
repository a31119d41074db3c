import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client'
import type { Log } from '../audit.ts'
import { type AdmissionRules, admit, type Person } from './admission.ts'
import { type AssertionAudience, type ClientCredentials, createClientAuthentication } from './client-authentication.ts'
import { discover } from './discover.ts'
import { ForeignTokenError, isForgery, isOutage, isRefreshRefused, isSignInRefused, sorted } from './failures.ts'
import { createNewestKeys } from './newest-keys.ts'
import { createTokenAnswers, type TokenAnswer } from './token-answers.ts'
import { joined, retold, type Told } from './told.ts'
import type { Identification, Upstream } from './upstream.ts'

export type Claims = Readonly<Record<string, unknown>>

/** What is special about one provider. */
export interface OpenIdPreset {
  /** For people. Default: the host of the provider. */
  readonly title?: string
  readonly scopes: readonly string[]
  /** Further parameters of the authorization request. */
  readonly parameters?: Readonly<Record<string, string>>
  /** Whether `offline_access` goes with `prompt=consent` (OpenID Connect Core 1.0 §11). Default false. */
  readonly consentForOffline?: boolean
  /** `prompt` for somebody who wants another account than the one that the provider would take. */
  readonly promptForAnother: string
  /** What a signed client assertion is made out to at first. Default: `issuer`. */
  readonly assertionAudience?: AssertionAudience
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

export interface UpstreamClient extends ClientCredentials {
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
  /** Further parameters of the authorization request, besides those of the preset. `prompt` is added to what has to be asked. Default: none. */
  parameters?: Readonly<Record<string, string>>
  /**
   * Finds claims that rules go by and that the provider left out. Default: none are looked for.
   *
   * @throws {UpstreamUnavailableError | UpstreamMisconfiguredError}
   */
  lookUp?: (claims: Claims) => Promise<Claims>
  rules: AdmissionRules
  /** Longest time that somebody is let in on what the provider said once: without refresh token, or where refreshes say nothing. */
  maxAgeSeconds: number
  /** Milliseconds since the Unix epoch. */
  now: () => number
  /** Told what the operator should know, without secrets. Default: nobody is. */
  log?: Log
}

/** Not a refresh token of anybody's: asked about to learn how the provider wants to be asked. */
const NO_TOKEN = 'idplug-warm-up'

type Tokens = Awaited<ReturnType<typeof refreshTokenGrant>>

/** What is kept of a sign-in until it is over. */
interface Memory {
  nonce: string
  verifier: string
  /** Answer of the token endpoint, which takes a code once. */
  tokens?: unknown
}

/** What is kept of a sign-in: no access token and no ID token. */
interface Session extends Told {
  refreshToken?: string
}

/**
 * Signs people in by OpenID Connect: code flow with PKCE, nonce and `state`; `iss` of the response (RFC 9207) where the provider
 * sends it; ID token with signature, `iss`, `aud`, `azp`, `nonce` and times.
 */
export function createOpenIdUpstream(options: OpenIdUpstreamOptions): Upstream {
  const { preset, rules } = options
  const authentication = createClientAuthentication(options, preset.assertionAudience)
  const tokenAnswers = createTokenAnswers(options.fetch)
  const configuration = keptForAnHour(
    () => discover({ ...options, fetch: tokenAnswers.fetch }, authentication.apply),
    options.now,
  )
  const withNewestKeys = createNewestKeys(authentication.apply)
  const nowSeconds = () => Math.floor(options.now() / 1000)
  const named = new Set([...rules.allow, ...rules.grants.flatMap(({ to }) => to)])
  const isNamed = (principal: string) => named.has(principal)
  const { max_age: maxAge } = options.parameters ?? {}
  let toldThatNothingRefreshes = false

  return {
    name: preset.title ?? new URL(options.metadataUrl).host,
    endsAll: preset.revokesAll,

    depart: ({ state, redirectUri, another }) =>
      sorted(async () => {
        const config = await configuration()
        const metadata = config.serverMetadata()
        // Some token endpoints look at the token first, and at the client never if that is none of theirs.
        const ask = () =>
          metadata.revocation_endpoint ? tokenRevocation(config, NO_TOKEN) : refreshTokenGrant(config, NO_TOKEN)
        await authentication.learn(metadata, ask)
        const scopes = requestedScopes(options, config)
        const nonce = randomNonce()
        const verifier = randomPKCECodeVerifier()
        const url = buildAuthorizationUrl(config, {
          ...parametersOf(options, config, scopes, another),
          scope: scopes.join(' '),
          redirect_uri: redirectUri,
          state,
          nonce,
          code_challenge: await calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
        })
        return { url: url.href, memory: { nonce, verifier } satisfies Memory }
      }),

    identify: (answer, { state, redirectUri, memory, keep }) =>
      sorted(async () => {
        if (!answer.has('code') && !answer.has('error')) return { outcome: 'nobody', reason: 'no_code' }
        const { nonce, verifier, tokens: known } = memory as Memory
        const back = new URL(redirectUri)
        back.search = answer.toString()
        const kept = { known, keep: (tokens: unknown) => keep({ nonce, verifier, tokens } satisfies Memory) }
        const tokens = await requestTokens(kept, config =>
          authorizationCodeGrant(config, back, {
            expectedState: state,
            expectedNonce: nonce,
            pkceCodeVerifier: verifier,
            idTokenExpected: true,
            // The library compares `auth_time` with it.
            ...(maxAge !== undefined && { maxAge: Number(maxAge) }),
          }),
        )
        if (tokens.refresh_token === undefined) sayThatNothingRefreshes()
        return identified(await told(tokens), tokens.refresh_token)
      }, isSignInRefused),

    recheck: (session, keep) =>
      sorted(async () => {
        const { refreshToken, ...before } = session as Session
        if (refreshToken === undefined) return identified(before, undefined)
        let next = refreshToken
        const rotated = async (tokens: unknown) => {
          const { refresh_token } = tokens as { refresh_token?: unknown }
          if (typeof refresh_token !== 'string' || refresh_token === refreshToken) return
          next = refresh_token
          await keep({ ...before, refreshToken: next } satisfies Session)
        }
        const tokens = await requestTokens({ keep: rotated }, config => refreshTokenGrant(config, refreshToken))
        return identified((await told(tokens)) ?? (await toldByUserInfo(tokens, before)), next)
      }, isRefreshRefused),

    end: session =>
      sorted(async () => {
        const { refreshToken } = session as Session
        const config = await configuration()
        if (refreshToken === undefined || !config.serverMetadata().revocation_endpoint) return
        await tokenRevocation(config, refreshToken, { token_type_hint: 'refresh_token' })
      }),
  }

  /** Once: it is the same for everybody. */
  function sayThatNothingRefreshes(): void {
    if (toldThatNothingRefreshes) return
    toldThatNothingRefreshes = true
    options.log?.('upstream_without_refresh_token', {
      reason: `the provider gave no refresh token, so people are not asked about again and sign in anew every ${options.maxAgeSeconds} seconds (BRIDGE_MAX_AGE_SECONDS). Allow refresh tokens for the client of the bridge at the provider (grant type refresh_token, scope offline_access)`,
    })
  }

  async function requestTokens(answer: TokenAnswer, ask: (config: Configuration) => Promise<Tokens>): Promise<Tokens> {
    const config = await configuration()
    return tokenAnswers.during(answer, () => authentication.tried(() => withNewestKeys(config, ask)))
  }

  /** What an ID token says, with the userinfo endpoint where claims stand there; `undefined` without one. */
  async function told(tokens: Tokens): Promise<Told | undefined> {
    const claims = tokens.claims()
    if (!claims) return undefined
    // The library looks at it only where there are several audiences, OpenID Connect Core 1.0 §3.1.3.7 wherever it is there.
    if ((claims.azp ?? options.clientId) !== options.clientId) throw new ForeignTokenError()
    // An empty `sub` is nobody's, and is not asked about.
    const answer = (claims.sub && preset.userInfo && (await userInfo(tokens, claims.sub))) || {}
    return { claims: joined(claims, answer), userInfo: Object.keys(answer), signedInAt: nowSeconds() }
  }

  /** OpenID Connect Core 1.0 §12.2: a refresh may come without an ID token. */
  async function toldByUserInfo(tokens: Tokens, before: Told): Promise<Told> {
    const namesIn = (claims: Claims) => [...(preset.personOf(claims, options)?.principals ?? [])].filter(isNamed)
    try {
      const answer = await userInfo(tokens, String(before.claims.sub))
      return answer === undefined ? before : retold(before, answer, nowSeconds(), namesIn)
    } catch (error) {
      // What is refused, or cannot be read, says nothing about the person.
      if (isForgery(error) || isOutage(error)) throw error
      return before
    }
  }

  /** `undefined` where the provider has no such endpoint. */
  async function userInfo(tokens: Tokens, subject: string): Promise<Claims | undefined> {
    const config = await configuration()
    if (!config.serverMetadata().userinfo_endpoint) return undefined
    return fetchUserInfo(config, tokens.access_token, subject)
  }

  async function identified(told: Told | undefined, refreshToken: string | undefined): Promise<Identification> {
    const found = told && (await options.lookUp?.(told.claims))
    const person = told && preset.personOf({ ...told.claims, ...found }, options)
    if (!person) return { outcome: 'nobody', words: UNNAMED, reason: 'the ID token does not say who it is' }
    if (nowSeconds() - told.signedInAt >= options.maxAgeSeconds) {
      return { outcome: 'nobody', reason: 'the provider said too long ago who it is' }
    }
    const admitted = admit(person, rules)
    return admitted.outcome === 'signed_in'
      ? { ...admitted, session: { refreshToken, ...told } satisfies Session }
      : admitted
  }
}

const UNNAMED = 'The answer does not say who you are.'

/** Some providers refuse requests with scopes that they do not know. What the operator names is asked for all the same. */
function requestedScopes({ preset, scopes }: OpenIdUpstreamOptions, config: Configuration): string[] {
  const known = config.serverMetadata().scopes_supported
  const own = preset.scopes.filter(scope => scope === 'openid' || !known || known.includes(scope))
  return [...new Set([...own, ...scopes])]
}

/** What is asked for beyond the protocol: by the provider's ways, by the operator, and by the person who wants another account. */
function parametersOf(
  { preset, parameters = {} }: OpenIdUpstreamOptions,
  config: Configuration,
  scopes: readonly string[],
  another = false,
): Record<string, string> {
  const { prompt_values_supported: known } = config.serverMetadata()
  const takesConsent = !Array.isArray(known) || known.includes('consent')
  const needsConsent = preset.consentForOffline && takesConsent && scopes.includes('offline_access')
  const prompts = [
    another && preset.promptForAnother,
    parameters.prompt,
    preset.parameters?.prompt,
    needsConsent && 'consent',
  ]
  const prompt = [...new Set(prompts.filter(text => typeof text === 'string').flatMap(text => text.split(' ')))].join(
    ' ',
  )
  const { login_hint, ...rest } = { ...preset.parameters, ...parameters }
  return { ...rest, ...(login_hint && !another && { login_hint }), ...(prompt && { prompt }) }
}

const HOUR = 3_600_000

/** The value of the last call that succeeded, which serves on while another one fails. */
function keptForAnHour<T>(make: () => Promise<T>, now: () => number): () => Promise<T> {
  let kept: Promise<T> | undefined
  let until = 0
  return () => {
    if (kept && now() < until) return kept
    const before = kept
    until = now() + HOUR
    kept = make().catch(error => {
      kept = before
      if (!before) throw error
      return before
    })
    return kept
  }
}
