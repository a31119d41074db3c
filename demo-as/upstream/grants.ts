import Provider, { errors } from 'oidc-provider'
import type { Log } from '../audit.ts'
import { TemporarilyUnavailable } from '../errors.ts'
import { scopesIn } from '../scopes.ts'
import type { Store } from '../stores/store.ts'
import { answerOf, CONSEQUENCES, type Unanswered } from './no-answer.ts'
import type { KeptSession, UpstreamSessions } from './sessions.ts'
import { type Identification, type SignedInUser, type Upstream, UpstreamBehindError } from './upstream.ts'

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
  log: Log
}

/** Ties grants to what the upstream thinks of their people. */
export interface UpstreamGrants {
  /**
   * Asks the upstream whether somebody may still enter, and takes scopes from the grant that the rules grant no more.
   *
   * @throws {errors.InvalidGrant} They may not: removed, signed out, or no longer among those that may enter. Or the grant has ended meanwhile.
   * @throws {TemporarilyUnavailable} The upstream has said nothing, for one of the reasons of `NoAnswer`. The refresh can be made again.
   */
  beforeRefresh(provider: Provider, refresh: Refresh): Promise<void>
  /**
   * To be called before a grant is deleted. From then on its session at the upstream is ended as soon as the upstream takes it, if need be by
   * another process.
   *
   * @throws {TemporarilyUnavailable} The store could not take that down; the grant is to be left as it is.
   */
  end(grantId: string): Promise<void>
  /** Ends the sessions at the upstream that are left of ended grants. Never throws; what goes wrong is logged. */
  settle(): Promise<void>
}

export function createUpstreamGrants(options: UpstreamGrantsOptions): UpstreamGrants {
  const { upstream, sessions, accounts, log } = options
  const settling = new Map<string, Promise<void>>()

  return {
    async beforeRefresh(provider, { grantId, accountId, clientId }) {
      if (!upstream.recheck) return
      const { kept, answer } = await recheck(grantId)
      switch (answer.outcome) {
        case 'behind':
        case 'away':
        case 'rejected_us': {
          const { event, description, retrySeconds } = CONSEQUENCES[answer.outcome]
          log(event, { subject: accountId, clientId, reason: answer.reason })
          Provider.ctx?.set('retry-after', String(retrySeconds))
          throw new TemporarilyUnavailable(description, answer.reason)
        }
        case 'signed_in': {
          if (answer.user.subject !== accountId || !kept) return refuse('the upstream names another person')
          await accounts.set(accountId, answer.user, options.accountSeconds)
          await narrow(provider, grantId, answer.user)
          // Last, because it tells whether the grant has ended: it is then ended once more, with what was changed above.
          return replace(kept, answer.session)
        }
        default:
          return refuse(answer.reason)
      }

      function refuse(reason: string | undefined): never {
        log('access_ended', { subject: accountId, clientId, outcome: answer.outcome, reason })
        throw new errors.InvalidGrant('the person has to sign in again')
      }
    },

    async end(grantId) {
      await sessions.end(grantId)
      void settle(grantId)
    },

    async settle() {
      const left = await sessions.ending().catch(() => [])
      for (const grantId of left) await settle(grantId)
    },
  }

  async function recheck(grantId: string): Promise<{ kept?: KeptSession; answer: Identification | Unanswered }> {
    let kept: KeptSession | undefined
    const store = async (session: unknown) => kept && replace(kept, session)
    const answer = await answerOf(store, async keep => {
      kept = await findSession(grantId)
      return (kept && (await upstream.recheck?.(kept.session, keep))) ?? NO_SESSION
    })
    return { kept, answer }
  }

  async function findSession(grantId: string): Promise<KeptSession | undefined> {
    return sessions.find(grantId).catch(error => {
      if (error instanceof UpstreamBehindError) log('upstream_session_unreadable', { reason: error.message })
      throw error
    })
  }

  async function replace(kept: KeptSession, session: unknown): Promise<void> {
    if (await kept.replace(session)) return
    // Of the new one nobody knows but us.
    await endAtUpstream(session).catch(error => log('upstream_end_failed', { reason: error.message }))
    throw new errors.InvalidGrant('the grant has ended')
  }

  function settle(grantId: string): Promise<void> {
    let attempt = settling.get(grantId)
    if (!attempt) {
      attempt = endLeft(grantId).finally(() => settling.delete(grantId))
      settling.set(grantId, attempt)
    }
    return attempt
  }

  async function endLeft(grantId: string): Promise<void> {
    try {
      const kept = await sessions.find(grantId)
      if (!kept) return
      const endsOthers = upstream.endsAll && (await sessions.hasOthers(grantId, kept.accountId))
      if (!endsOthers) await endAtUpstream(kept.session)
      await sessions.forget(grantId)
    } catch (error) {
      log('upstream_end_failed', { grantId, reason: (error as Error).message })
    }
  }

  async function endAtUpstream(session: unknown): Promise<void> {
    await upstream.end?.(session)
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
