import { createHash } from 'node:crypto'
import { createRemoteJWKSet, customFetch, type JWTPayload, type JWTVerifyGetKey, errors as jose, jwtVerify } from 'jose'
import type Provider from 'oidc-provider'
import { type Client, errors, type ResourceServer } from 'oidc-provider'
import type { Log } from './audit.ts'
import type { ClientKinds } from './clients/client-kinds.ts'
import { nowSeconds } from './clock.ts'
import { TemporarilyUnavailable } from './errors.ts'
import { JWT_BEARER_GRANT } from './grant-types.ts'
import { provenKey } from './proof.ts'
import type { ProtectedResource, Resources } from './resources.ts'
import { namedScopes } from './scopes.ts'
import type { Store, StoreFactory } from './stores/store.ts'
import { type Identification, type SignedInUser, UpstreamUnavailableError } from './upstream/upstream.ts'

/** Announces the grant in `authorization_grant_profiles_supported`. */
export const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag'

/** An identity provider of an enterprise, whose assertions about its users are taken in place of a sign-in. */
export interface AssertionIssuer {
  /** `iss` of its assertions, byte for byte. */
  readonly issuer: string
  /**
   * Its keys.
   *
   * @throws {UpstreamUnavailableError}
   */
  readonly keys: JWTVerifyGetKey
  /** Whom the claims of a verified assertion speak of, and what that person may hand to applications. */
  readonly identify: (claims: JWTPayload) => Identification
}

export interface IdentityAssertionsOptions {
  issuers: readonly AssertionIssuer[]
  resources: Resources
  clientKinds: ClientKinds
  stores: StoreFactory
  /** How long users are remembered, in seconds. */
  accountSeconds: number
  resourceServer: (resource: ProtectedResource) => ResourceServer
  log: Log
}

/** Asymmetric ones only: with a shared secret, either of the two could speak for the other. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** Assertions are for immediate use. A bound on their life is one on what has to be remembered of them. */
const LONGEST_LIFE_SECONDS = 3600
const CLOCK_TOLERANCE_SECONDS = 5
const KEYS_OUT_OF_REACH = 'the issuer of the assertion cannot be asked for its keys'

/**
 * Adds the grant of enterprise-managed authorization: an identity assertion (ID-JAG) of an issuer on the list gives an access
 * token, without a browser, and without a refresh token: the issuer is to be asked again.
 *
 * Checked are signature, `typ`, `iss`, `aud` (this server alone), `client_id` (the authenticated client), `sub`, `iat`, `exp`,
 * `resource`, `scope`, and last that the `jti` is new, for all processes that share the store. Public clients are refused. With a
 * DPoP proof the token is bound to its key.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-identity-assertion-authz-grant/
 * @see https://www.rfc-editor.org/rfc/rfc7523.html#section-3
 */
export function acceptIdentityAssertions(provider: Provider, options: IdentityAssertionsOptions): void {
  const { resources, clientKinds, stores, log } = options
  const verify = createVerifier(provider.issuer, options.issuers)
  const used = stores('IdentityAssertion')
  const accounts = stores('Account')

  provider.registerGrantType<{ assertion?: string }>(
    JWT_BEARER_GRANT,
    async ctx => {
      const { client, params } = ctx.oidc
      checkClient(client)
      if (!params.assertion) throw new errors.InvalidRequest('assertion is missing')
      const { claims, issuer } = await verify(params.assertion)
      if (claims.client_id !== client.clientId) refuse('is for another client')
      const resource = resourceOf(claims, params.resource, resources)
      const user = userOf(issuer.identify(claims))
      const isConfigured = clientKinds.kindOf(client.clientId) === 'configured'
      const scope = scopesOf(
        { asserted: claims.scope ?? undefined, asked: params.scope, isConfigured },
        user,
        resource,
      ).join(' ')
      const key = await provenKey(provider, ctx)

      await accounts.set(user.subject, user, options.accountSeconds)
      const grant = new provider.Grant({ accountId: user.subject, clientId: client.clientId })
      grant.addResourceScope(resource.resource, scope)
      const token = new provider.AccessToken({
        accountId: user.subject,
        client,
        grantId: await grant.save(),
        gty: JWT_BEARER_GRANT,
      })
      token.resourceServer = new provider.ResourceServer(resource.resource, options.resourceServer(resource))
      token.scope = scope
      if (key) token.setThumbprint('jkt', key)
      ctx.oidc.entity('AccessToken', token)
      const value = await token.save()
      // Last, so that what breaks off before can be made again. Of several at once, one is answered.
      await useOnce(used, claims)
      log('assertion_accepted', { issuer: claims.iss, subject: user.subject, clientId: client.clientId })
      ctx.body = { access_token: value, token_type: token.tokenType, expires_in: token.expiration, scope }
    },
    ['assertion', 'scope', 'resource'],
  )
}

interface Verified {
  claims: JWTPayload
  issuer: AssertionIssuer
}

/** Checks what does not depend on the request. */
function createVerifier(audience: string, trusted: readonly AssertionIssuer[]) {
  const issuers = new Map(trusted.map(issuer => [issuer.issuer, issuer]))
  return async (assertion: string): Promise<Verified> => {
    const issuer = issuers.get(claimedIssuer(assertion))
    if (!issuer) return refuse('is of an issuer that this server does not trust')
    const claims = await verifySignature(assertion, issuer.keys, { issuer: issuer.issuer, audience })
    if (typeof claims.sub !== 'string' || claims.sub === '') refuse('has a sub that does not fit')
    if ([claims.aud].flat().length !== 1) refuse('is for others as well')
    if (Number(claims.exp) - Number(claims.iat) > LONGEST_LIFE_SECONDS) refuse('is valid for too long')
    return { claims, issuer }
  }
}

function claimedIssuer(assertion: string): string {
  try {
    const claims = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString())
    return String(claims.iss)
  } catch {
    return refuse('is not a JWT')
  }
}

async function verifySignature(
  assertion: string,
  keys: JWTVerifyGetKey,
  expected: { issuer: string; audience: string },
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(assertion, keys, {
      ...expected,
      typ: 'oauth-id-jag+jwt',
      algorithms: ALGORITHMS,
      requiredClaims: ['sub', 'client_id', 'jti', 'iat', 'exp'],
      maxTokenAge: LONGEST_LIFE_SECONDS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    })
    return payload
  } catch (error) {
    if (error instanceof jose.JWTExpired) refuse('has expired')
    if (error instanceof jose.JWTClaimValidationFailed) refuse(`has a ${error.claim} that does not fit`)
    if (error instanceof UpstreamUnavailableError) throw new TemporarilyUnavailable(KEYS_OUT_OF_REACH)
    if (error instanceof jose.JOSEError) refuse('is not signed by its issuer')
    throw error
  }
}

function checkClient(client: Client): void {
  if (client.clientAuthMethod === 'none') {
    throw new errors.UnauthorizedClient('identity assertions are for clients with credentials of their own')
  }
}

function resourceOf(claims: JWTPayload, requested: unknown, resources: Resources): ProtectedResource {
  const { resource: asserted } = claims
  const identifier = asserted ?? requested ?? resources.only?.resource
  const resource = typeof identifier === 'string' ? resources.find(identifier) : undefined
  if (!resource) throw new errors.InvalidTarget('not an MCP server that this server knows')
  if (requested !== undefined && resources.find(String(requested)) !== resource) {
    throw new errors.InvalidTarget('the assertion is for another resource')
  }
  return resource
}

function userOf(identified: Identification): SignedInUser {
  if (identified.outcome === 'signed_in') return identified.user
  return refuse(identified.outcome === 'not_allowed' ? identified.words : 'does not say who it is')
}

interface ScopeRequest {
  /** Claim of the assertion. */
  asserted: unknown
  /** Parameter of the request. */
  asked: unknown
  /** Whether the operator set up the client. */
  isConfigured: boolean
}

/**
 * What the issuer put in, what the client asks for, what the user may hand out and what the resource has (RFC 6749 §3.3). No person is
 * there to consent: where the issuer names no scope, a client that the operator did not set up gets no more than the default scopes.
 */
function scopesOf(
  { asserted, asked, isConfigured }: ScopeRequest,
  user: SignedInUser,
  resource: ProtectedResource,
): string[] {
  const all = Object.keys(resource.scopes)
  if (asserted !== undefined && typeof asserted !== 'string') refuse('has a scope that does not fit')
  const wanted = namedScopes(asked, all)
  const byDefault = isConfigured && wanted.length > 0 ? all : resource.defaultScopes
  const allowed = asserted === undefined ? byDefault : namedScopes(asserted, all)
  const granted = allowed.filter(
    scope => user.scopes.includes(scope) && (wanted.length === 0 || wanted.includes(scope)),
  )
  if (granted.length === 0 && all.length > 0)
    throw new errors.InvalidScope('none of these scopes can be granted', wanted.join(' '))
  return granted
}

async function useOnce(used: Store, { iss, jti, exp }: JWTPayload): Promise<void> {
  const key = createHash('sha256')
    .update(JSON.stringify([iss, jti]))
    .digest('base64url')
  const secondsLeft = Number(exp) - nowSeconds() + CLOCK_TOLERANCE_SECONDS
  if (!(await used.add(key, true, secondsLeft + 1))) refuse('was used before')
}

/** @throws {errors.InvalidGrant} */
function refuse(problem: string): never {
  throw new errors.InvalidGrant(`the assertion ${problem}`)
}

/**
 * Keys at an address, fetched again for an unknown one every 30 seconds at most.
 *
 * @param jwksUri - Asked when the keys are first needed.
 */
export function createIssuerKeys(
  jwksUri: () => Promise<string>,
  { fetch, timeoutSeconds }: { fetch: typeof globalThis.fetch; timeoutSeconds: number },
): JWTVerifyGetKey {
  let keySet: ReturnType<typeof createRemoteJWKSet> | undefined
  return async (header, token) => {
    keySet ??= createRemoteJWKSet(new URL(await jwksUri()), {
      [customFetch]: fetch,
      timeoutDuration: timeoutSeconds * 1000,
    })
    try {
      return await keySet(header, token)
    } catch (error) {
      const isKnown = error instanceof jose.JWKSNoMatchingKey || error instanceof jose.JWKSMultipleMatchingKeys
      throw isKnown ? error : new UpstreamUnavailableError((error as Error).message, { cause: error })
    }
  }
}

/**
 * Where the keys of an issuer are, by its discovery document.
 *
 * @throws {UpstreamUnavailableError} It does not answer, or speaks of another issuer.
 */
export async function discoverJwksUri(
  issuer: string,
  { fetch, timeoutSeconds }: { fetch: typeof globalThis.fetch; timeoutSeconds: number },
): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutSeconds * 1000), redirect: 'error' })
    const metadata = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown }
    if (metadata.issuer !== issuer) throw new Error(`${url} speaks of the issuer ${metadata.issuer}`)
    return String(metadata.jwks_uri)
  } catch (error) {
    throw new UpstreamUnavailableError((error as Error).message, { cause: error })
  }
}
