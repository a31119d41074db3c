import { hash, hkdfSync } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import Provider, { errors, type TokenEndpointGrantContext } from 'oidc-provider'
import { TemporarilyUnavailable } from './errors.ts'
import { forgetConsumption, isSince } from './oidc-adapter.ts'
import { scopeOfRefresh } from './refresh-scope.ts'
import { OIDC_SCOPES } from './request-parameters.ts'
import type { Resources } from './resources.ts'
import { namedScopes, scopesIn } from './scopes.ts'
import type { Store, StoreFactory } from './stores/store.ts'
import type { Refresh } from './upstream/grants.ts'
import { createSeal, type Seal } from './upstream/sealed.ts'

type Names = string | readonly string[] | ReadonlySet<string>
type RefreshToken = InstanceType<Provider['RefreshToken']>
type GrantHandler = (ctx: TokenEndpointGrantContext) => void | Promise<void>

export interface RefreshOptions {
  resources: Resources
  stores: StoreFactory
  /** How long a used refresh token gives the same answer again, in seconds; 0 for never. */
  graceSeconds: number
  /** Answers of before this time are not given again. Default: all are. */
  revokedBefore?: Date
  /**
   * Called once for each refresh, before anything of it is used up.
   *
   * @throws {errors.OIDCProviderError} `temporarily_unavailable` leaves the refresh token usable; `invalid_grant` ends the grant.
   */
  beforeRefresh?: (refresh: Refresh) => Promise<void>
  log: (event: string, facts: Readonly<Record<string, unknown>>) => void
}

/** The answer that a refresh token was given. */
interface Answered {
  /** Digest of the request: whoever asks for something else does not get this. */
  request: string
  /** Encrypted under the refresh token, so that a copy of the store does not open it; as it is in the memory of this process. */
  sealed: string
  /** Seconds since the Unix epoch. */
  at: number
}

/** A refresh may take this long, the upstream included; after that another process tries. */
const LOCK_SECONDS = 30
const WAIT_SECONDS = 20
const FIRST_POLL_MILLISECONDS = 25
const LAST_POLL_MILLISECONDS = 400
/** Clocks of processes differ by less. */
const CLOCK_SKEW_SECONDS = 60

/** oidc-provider's class, with a refresh of ours around its own. */
export function refreshing(options: RefreshOptions): typeof Provider {
  const wrap = createRefresh(options)
  return class extends Provider {
    // Grants of oidc-provider itself come by here too.
    override registerGrantType<Params extends object>(
      name: string,
      handler: (ctx: TokenEndpointGrantContext<Params>) => void | Promise<void>,
      ...rest: [params?: Names, duplicates?: Names]
    ): void {
      const isRefresh = name === 'refresh_token'
      super.registerGrantType(name, isRefresh ? wrap(this, handler as GrantHandler) : handler, ...rest)
    }
  }
}

/**
 * Wraps oidc-provider's refresh so that it logs nobody out who did nothing wrong. The client has been authenticated before.
 *
 * - Clients refresh twice at once, and lose answers to bad networks: within the grace period the same request gets the same
 *   answer again, from every process. Later use of a used token revokes the family (RFC 9700 §4.14.2).
 * - Of requests at once one refreshes, in all processes together, and asks the upstream; the others wait for its answer.
 * - A refresh that broke off because the store or the process went away can be made again.
 * - Scopes are those of {@link scopeOfRefresh}.
 */
function createRefresh(options: RefreshOptions): (provider: Provider, handler: GrantHandler) => GrantHandler {
  const { graceSeconds, resources, revokedBefore, stores, log } = options
  const answers = stores('RefreshAnswer')
  const locks = stores('RefreshLock')

  return (provider, handler) => async ctx => {
    const token = ctx.oidc.params.refresh_token
    if (typeof token !== 'string' || token === '') return handler(ctx)
    const id = digest(token)
    // Before the scope is settled: the next request comes as this one did.
    const request = requestOf(ctx)

    const deadline = Date.now() + WAIT_SECONDS * 1000
    for (let wait = FIRST_POLL_MILLISECONDS; !(await locks.add(id, true, LOCK_SECONDS)); wait *= 2) {
      if (Date.now() > deadline) throw new TemporarilyUnavailable('another refresh of this token is still under way')
      await delay(Math.min(wait, LAST_POLL_MILLISECONDS))
      if (await repeat(ctx, token, id, request)) return
    }
    try {
      const found = await provider.RefreshToken.find(token, { ignoreExpiration: true })
      // There is no answer yet while the token is unused.
      if ((!found || found.consumed) && (await repeat(ctx, token, id, request))) return
      if (found) await prepare(provider, ctx, found, id)
      await handler(ctx)
      await keep(ctx, token, id, request)
    } finally {
      await locks.delete(id)
    }
  }

  async function keep(ctx: TokenEndpointGrantContext, token: string, id: string, request: string): Promise<void> {
    if (graceSeconds === 0) return
    const sealed = sealOf(token, answers).seal(JSON.stringify(ctx.body), id)
    const answered: Answered = { request, sealed, at: nowSeconds() }
    await answers.set(id, answered, graceSeconds + CLOCK_SKEW_SECONDS)
  }

  /** @throws {errors.InvalidGrant} The token was used for something else. */
  async function repeat(ctx: TokenEndpointGrantContext, token: string, id: string, request: string): Promise<boolean> {
    const answered = await answers.get<Answered>(id)
    if (!answered || nowSeconds() - answered.at >= graceSeconds) return false
    if (revokedBefore && !isSince(revokedBefore, answered.at)) return false
    if (answered.request !== request) throw new errors.InvalidGrant('was refreshed with other parameters')
    const answer = sealOf(token, answers).open(answered.sealed, id)
    if (answer === undefined) return false
    log('refresh_repeated', { clientId: ctx.oidc.client.clientId })
    ctx.body = JSON.parse(answer)
    return true
  }

  async function prepare(
    provider: Provider,
    ctx: TokenEndpointGrantContext,
    token: RefreshToken,
    id: string,
  ): Promise<void> {
    const { clientId } = ctx.oidc.client
    if (token.clientId !== clientId || token.isExpired || !token.grantId || !token.accountId) return
    if (token.consumed) {
      // Used a moment ago, and nobody was answered: that refresh broke off.
      const isUnfinished = nowSeconds() - Number(token.consumed) < graceSeconds && !(await answers.get(id))
      if (!isUnfinished) {
        // The family ends, whatever else the request gets wrong.
        ctx.oidc.params.scope = undefined
        return
      }
      await forgetConsumption(stores, token.jti)
      token.consumed = undefined
    }
    try {
      await options.beforeRefresh?.({ grantId: token.grantId, accountId: token.accountId, clientId })
      await settleScope(provider, ctx, token)
    } catch (error) {
      if (error instanceof errors.InvalidGrant) await (await provider.Grant.find(token.grantId))?.destroy()
      throw error
    }
  }

  /**
   * Puts what the refresh gives in place of what it asks for.
   *
   * @throws {errors.InvalidGrant} Nothing is left of what was granted, and the grant has ended: rules changed, or scopes are gone.
   */
  async function settleScope(provider: Provider, ctx: TokenEndpointGrantContext, token: RefreshToken): Promise<void> {
    const [identifier = ''] = [token.resource ?? []].flat()
    const resource = resources.find(identifier)
    // As oidc-provider asks for it afterwards, so that the store is asked once.
    const grant = await provider.Grant.find(token.grantId ?? '', { ignoreExpiration: true })
    // Both are refused by oidc-provider.
    if (!resource || !grant) return
    const known = Object.keys(resource.scopes)
    const granted = namedScopes(grant.getResourceScopeFiltered(identifier, [...token.scopes]), known)
    const hadScopes = [...token.scopes].some(scope => scope !== '' && !OIDC_SCOPES.includes(scope))
    if (granted.length === 0 && hadScopes) {
      await grant.destroy()
      provider.emit('grant.revoked', ctx, token.grantId)
      throw new errors.InvalidGrant('nothing of what was granted is left: the person has to sign in again')
    }
    const passedOver = scopesIn(grant.getRejectedResourceScope(identifier))
    const { params } = ctx.oidc
    // oidc-provider compares strings, and the operator may have changed the spelling since.
    if (resources.find(String(params.resource)) === resource) params.resource = identifier
    params.scope = scopeOfRefresh(params.scope, { known, granted, passedOver, openid: token.scopes.has('openid') })
  }
}

const nowSeconds = () => Math.floor(Date.now() / 1000)
const digest = (text: string) => hash('sha256', text, 'base64url')

/**
 * Two requests are the same when these are; `scope` is in an order of ours by now. The proof of possession is not checked again, so its
 * key has to be the same too.
 */
function requestOf(ctx: TokenEndpointGrantContext): string {
  const { client, params } = ctx.oidc
  return digest(JSON.stringify([client.clientId, params.scope, params.resource, proofKey(ctx.get('dpop'))]))
}

/** The public key in a DPoP proof (RFC 9449 §4.2), as it was sent. */
function proofKey(proof: string): unknown {
  if (!proof) return undefined
  try {
    return JSON.parse(Buffer.from(proof.split('.')[0] ?? '', 'base64url').toString()).jwk
  } catch {
    return 'none'
  }
}

/** What stays in this process is beside the tokens themselves. */
function sealOf(refreshToken: string, { isLocal }: Store): Pick<Seal, 'seal' | 'open'> {
  if (isLocal) return { seal: text => text, open: text => text }
  return createSeal([Buffer.from(hkdfSync('sha256', refreshToken, '', 'refresh answer', 32))])
}
