import Provider, { errors } from 'oidc-provider'
import { TemporarilyUnavailable } from '../errors.ts'
import { scopesIn } from '../scopes.ts'
import type { Store } from '../stores/store.ts'
import type { UpstreamSessions } from './sessions.ts'
import {
  type Identification,
  type SignedInUser,
  type Upstream,
  UpstreamMisconfiguredError,
  UpstreamUnavailableError,
} from './upstream.ts'

/** A refresh that is about to happen. */
export interface Refresh {
  grantId: string
  accountId: string
  clientId: string
}

export interface UpstreamGrantsOptions {
  upstream: Upstream
  sessions: UpstreamSessions
  /** Where users are remembered, by subject. */
  accounts: Store
  accountSeconds: number
  log: (event: string, facts: Readonly<Record<string, unknown>>) => void
}

/** Ties grants to what the upstream thinks of their people. */
export interface UpstreamGrants {
  /**
   * Asks the upstream whether somebody may still enter, and takes scopes from the grant that the rules grant no more.
   *
   * @throws {errors.InvalidGrant} They may not: removed, signed out, or no longer among those that may enter.
   * @throws {TemporarilyUnavailable} The upstream could not be asked, or refuses this server as its client. The refresh can be made again.
   */
  beforeRefresh(provider: Provider, refresh: Refresh): Promise<void>
  /** Ends the session of a grant that was revoked. Never throws; what goes wrong is logged. */
  end(grantId: string): Promise<void>
}

export function createUpstreamGrants(options: UpstreamGrantsOptions): UpstreamGrants {
  const { upstream, sessions, accounts, log } = options

  return {
    async beforeRefresh(provider, { grantId, accountId, clientId }) {
      if (!upstream.recheck) return
      const session = await sessions.find(grantId)
      const answer = session === undefined ? NO_SESSION : await recheck(session, grantId, accountId)
      if (answer.outcome === 'signed_in' && answer.user.subject === accountId) {
        await sessions.keep(grantId, accountId, answer.session)
        await accounts.set(accountId, answer.user, options.accountSeconds)
        return narrow(provider, grantId, answer.user)
      }
      await sessions.remove(grantId)
      const reason = answer.outcome === 'signed_in' ? 'the upstream names another person' : answer.reason
      log('access_ended', { subject: accountId, clientId, outcome: answer.outcome, reason })
      throw new errors.InvalidGrant('the person has to sign in again')
    },

    async end(grantId) {
      try {
        const removed = await sessions.remove(grantId)
        if (!removed || (upstream.endsAll && removed.hasOthers)) return
        await upstream.end?.(removed.session)
      } catch (error) {
        log('upstream_end_failed', { grantId, reason: (error as Error).message })
      }
    },
  }

  async function recheck(session: unknown, grantId: string, accountId: string): Promise<Identification> {
    try {
      return (await upstream.recheck?.(session)) ?? NO_SESSION
    } catch (error) {
      const { session: next } = error as { session?: unknown }
      if (next !== undefined) await sessions.keep(grantId, accountId, next)
      if (error instanceof UpstreamUnavailableError) {
        log('upstream_unavailable', { reason: error.message })
        Provider.ctx?.set('retry-after', '10')
        throw new TemporarilyUnavailable('the identity provider does not answer', error.message)
      }
      if (error instanceof UpstreamMisconfiguredError) {
        // Not a 500: clients answer one by sending the person through the browser, which mends nothing.
        log('upstream_rejected_us', { reason: error.message })
        Provider.ctx?.set('retry-after', '60')
        throw new TemporarilyUnavailable('the identity provider does not accept this server', error.message)
      }
      throw error
    }
  }
}

const NO_SESSION: Identification = { outcome: 'nobody', reason: 'no session at the upstream is kept' }

/** What somebody may no longer grant is granted no more; it does not come back without a new consent. */
async function narrow(provider: Provider, grantId: string, user: SignedInUser): Promise<void> {
  const grant = await provider.Grant.find(grantId)
  if (!grant) return
  const lost = Object.entries(grant.resources ?? {}).map(([resource, scopes]) => ({
    resource,
    scopes: [...scopesIn(scopes)].filter(scope => !user.scopes.includes(scope)),
  }))
  const changed = lost.filter(({ scopes }) => scopes.length > 0)
  if (changed.length === 0) return
  for (const { resource, scopes } of changed) grant.rejectResourceScope(resource, scopes.join(' '))
  await grant.save()
}
