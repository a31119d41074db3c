import { createHmac, hash } from 'node:crypto'
import Provider, { errors, type TokenEndpointGrantContext } from 'oidc-provider'
import type { Log } from './audit.ts'
import { nowSeconds } from './clock.ts'
import { DEVICE_CODE_GRANT } from './grant-types.ts'
import { createLocks, createOwnLocks } from './locks.ts'
import { isSince, markAsUsed } from './oidc-adapter.ts'
import { checkProof } from './proof.ts'
import { scopeOfRefresh } from './refresh-scope.ts'
import { OIDC_SCOPES } from './request-parameters.ts'
import type { Resources } from './resources.ts'
import { namedScopes, scopesIn } from './scopes.ts'
import { type SpentOnce, spendLast, withMarksLast } from './spend-last.ts'
import { timedKey, timeOfKey } from './stores/key-time.ts'
import type { Store, StoreFactory } from './stores/store.ts'
import type { Refresh } from './upstream/grants.ts'
import { createSeal, type Seal } from './upstream/sealed.ts'

type Names = string | readonly string[] | ReadonlySet<string>
type RefreshToken = InstanceType<Provider['RefreshToken']>
type GrantHandler = (ctx: TokenEndpointGrantContext) => void | Promise<void>

export interface RefreshOptions {
  resources: Resources
  stores: StoreFactory
  /** Finds a person; within one request, once. */
  account: (subject: string) => Promise<unknown>
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
  log: Log
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

/** What a grant uses up. */
function spentBy(provider: Provider, grant: string): SpentOnce | undefined {
  const options = { ignoreExpiration: true }
  if (grant === 'authorization_code') {
    return { parameter: 'code', find: code => provider.AuthorizationCode.find(code, options) }
  }
  if (grant === DEVICE_CODE_GRANT) {
    return { parameter: 'device_code', find: code => provider.DeviceCode.find(code, options) }
  }
  return undefined
}

/** Clocks of processes differ by less. */
const CLOCK_SKEW_SECONDS = 60

/** oidc-provider's class, with a refresh of ours around its own, and everything that is used once marked last. */
export function refreshing(options: RefreshOptions): typeof Provider {
  const refresh = createRefresh(options)
  const locks = createLocks(options.stores('GrantLock'))
  const wrap = (provider: Provider, name: string, handler: GrantHandler): GrantHandler => {
    if (name === 'refresh_token') return refresh(provider, handler)
    const spent = spentBy(provider, name)
    return spent ? spendLast(spent, locks, handler) : handler
  }
  return class extends Provider {
    // Grants of oidc-provider itself come by here too.
    override registerGrantType<Params extends object>(
      name: string,
      handler: (ctx: TokenEndpointGrantContext<Params>) => void | Promise<void>,
      ...rest: [params?: Names, duplicates?: Names]
    ): void {
      super.registerGrantType(name, wrap(this, name, handler as GrantHandler), ...rest)
    }
  }
}

/**
 * Wraps oidc-provider's refresh so that it logs nobody out who did nothing wrong. The client has been authenticated before.
 *
 * - Clients refresh twice at once, and lose answers to bad networks: within the grace period the same request gets the same
 *   answer again, from every process. Later use of a used token revokes the family (RFC 9700 §4.14.2).
 * - Of requests at once one refreshes, and asks the upstream, in all processes together where there is one to ask; the others get its
 *   answer.
 * - A refresh that broke off because the store or the process went away can be made again, however much later: the token is marked as used
 *   after everything else.
 * - Scopes are those of {@link scopeOfRefresh}.
 */
function createRefresh(options: RefreshOptions): (provider: Provider, handler: GrantHandler) => GrantHandler {
  const { graceSeconds, resources, revokedBefore, stores, log } = options
  const answers = stores('RefreshAnswer')
  // Where nobody is asked, nothing is used up: the first answer that is kept decides between processes, as it does after a lock was lost.
  const locks = options.beforeRefresh ? createLocks(stores('RefreshLock')) : createOwnLocks()

  return (provider, handler) => async ctx => {
    const token = ctx.oidc.params.refresh_token
    if (typeof token !== 'string' || token === '') return handler(ctx)
    const id = answerKey(token)
    // Before the scope is settled: the next request comes as this one did.
    const request = requestOf(ctx)
    const repeated = () => repeat(ctx, token, id, request)

    ctx.body = await locks.aloneOr(id, repeated, async () => {
      const found = await provider.RefreshToken.find(token, { ignoreExpiration: true })
      // While the token is not marked, there hardly is an answer: that is noticed below.
      const earlier = (!found || found.consumed) && (await repeated())
      if (earlier) return earlier
      if (found) await prepare(provider, ctx, found)
      const markUnlessUsed = await withMarksLast(ctx, handler)
      // Somebody else was here, and broke off before the mark or was held up for longer than the lock lasts: theirs is the answer.
      const other = found && !(await keep(ctx, token, id, request)) && (await repeated())
      if (other) {
        // Nobody gets what was made here.
        Reflect.deleteProperty(ctx.oidc.entities, 'AccessToken')
        return other
      }
      // Where answers are kept, the first one has decided.
      if (found && graceSeconds > 0) await markAsUsed(stores, token)
      else await markUnlessUsed()
      return ctx.body
    })
  }

  /** @returns `false` where another answer is kept already. */
  async function keep(ctx: TokenEndpointGrantContext, token: string, id: string, request: string): Promise<boolean> {
    if (graceSeconds === 0) return true
    const sealed = sealOf(token, answers).seal(JSON.stringify(ctx.body), id)
    const answered: Answered = { request, sealed, at: nowSeconds() }
    return answers.add(id, answered, graceSeconds + CLOCK_SKEW_SECONDS)
  }

  /**
   * @returns The answer that was given before; `undefined` where there is none.
   * @throws {errors.InvalidGrant} The token was used for something else.
   * @throws {errors.InvalidDpopProof}
   */
  async function repeat(
    ctx: TokenEndpointGrantContext,
    token: string,
    id: string,
    request: string,
  ): Promise<object | undefined> {
    const answered = await answers.get<Answered>(id)
    if (!answered || nowSeconds() - answered.at >= graceSeconds) return undefined
    if (revokedBefore && !isSince(revokedBefore, answered.at)) return undefined
    if (answered.request !== request) throw new errors.InvalidGrant('was refreshed with other parameters')
    const answer = sealOf(token, answers).open(answered.sealed, id)
    if (answer === undefined) return undefined
    await checkProof(ctx)
    await markAsUsed(stores, token)
    log('refresh_repeated', { clientId: ctx.oidc.client.clientId })
    return JSON.parse(answer)
  }

  async function prepare(provider: Provider, ctx: TokenEndpointGrantContext, token: RefreshToken): Promise<void> {
    const { clientId } = ctx.oidc.client
    if (token.clientId !== clientId || token.isExpired || !token.grantId || !token.accountId) return
    if (token.consumed) {
      // The family ends, whatever else the request gets wrong.
      ctx.oidc.params.scope = undefined
      return
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
    // As oidc-provider asks for them afterwards, one after the other: so the store is asked once, and for both together.
    const [grant] = await Promise.all([
      provider.Grant.find(token.grantId ?? '', { ignoreExpiration: true }),
      options.account(token.accountId ?? ''),
    ])
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

const digest = (text: string) => hash('sha256', text, 'base64url')

/** Beside its token, in a store that keeps an order. */
function answerKey(refreshToken: string): string {
  const time = timeOfKey(refreshToken)
  return time === undefined ? digest(refreshToken) : timedKey(digest(refreshToken), time)
}

/**
 * Two requests are the same when these are; `scope` is in an order of ours by now. A proof of possession is another one each time, by the same
 * key.
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

/**
 * What stays in this process is beside the tokens themselves. A refresh token is as random as a key, so expanding it is enough
 * (RFC 5869 §2.3 and §3.3).
 */
function sealOf(refreshToken: string, { isLocal }: Store): Pick<Seal, 'seal' | 'open'> {
  if (isLocal) return { seal: text => text, open: text => text }
  return createSeal([createHmac('sha256', refreshToken).update('refresh answer\x01').digest()])
}
