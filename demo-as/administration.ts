import type { AdapterPayload } from 'oidc-provider'
import { nowSeconds } from './clock.ts'
import { isSince } from './oidc-adapter.ts'
import { clientsWithGrants, pages, type Revocation, revokedClients, wordsOfGrant } from './operator-records.ts'
import { scopesIn } from './scopes.ts'
import type { StoreFactory } from './stores/store.ts'
import { sessionMarker } from './upstream/sessions.ts'
import type { SignedInUser } from './upstream/upstream.ts'

/** What a person let a client have, for as long as the client can refresh it. Times are in seconds since the Unix epoch. */
export interface GrantSummary {
  readonly grantId: string
  readonly subject: string
  /** Login name; absent where nothing is remembered about the person. */
  readonly username?: string
  readonly clientId: string
  /** As the client calls itself; nobody vouches for it. */
  readonly clientName?: string
  /** By resource. */
  readonly scopes: Readonly<Record<string, readonly string[]>>
  readonly createdAt: number
  /** When the provider was last asked about the person: at a refresh or the sign-in. Never later than the last use. */
  readonly usedAt: number
  readonly endsAt: number
}

export interface ClientSummary {
  readonly clientId: string
  readonly clientName?: string
  /** How many grants it has. */
  readonly sessions: number
  readonly usedAt?: number
  /** Set where it was revoked. */
  readonly revoked?: Revocation
}

export interface GrantFilter {
  readonly subject?: string
  readonly clientId?: string
}

/** What an operator can see and end. Works on the store, beside the processes that serve. */
export interface Administration {
  /** Grants, grouped by client. */
  grants(filter?: GrantFilter): AsyncGenerator<GrantSummary>
  /** Clients that have grants, and those that were revoked. */
  clients(): AsyncGenerator<ClientSummary>
  /**
   * Ends a grant: its refresh tokens and opaque access tokens are void at once. The next process to serve a request ends its session at the
   * provider.
   *
   * @returns The grant as it was; `undefined` when there is none.
   */
  endGrant(grantId: string): Promise<GrantSummary | undefined>
  /**
   * Ends a client and all of its grants. It does not come back under its id, also not by the document that it publishes. Can be called
   * again, for what was left over.
   *
   * @param by - Who wants it.
   * @returns The grants that ended.
   */
  revokeClient(clientId: string, by: string): Promise<readonly GrantSummary[]>
  /** Whether a client has registered, or published a document that was fetched. */
  knowsClient(clientId: string): Promise<boolean>
  /** Lets a client that was revoked come back. @returns Whether it had been revoked. */
  allowClient(clientId: string): Promise<boolean>
}

/** @param revokedBefore - Grants from before this time are void. Default: none are. */
export function createAdministration(stores: StoreFactory, revokedBefore?: Date): Administration {
  const markSession = sessionMarker(stores)
  const grants = stores('Grant')
  const accounts = stores('Account')
  const sessions = stores('UpstreamSession')
  const registrations = stores('Client')
  const documents = stores('ClientDocument')
  const withGrants = clientsWithGrants(stores)
  const revoked = revokedClients(stores)

  async function summaryOf(grantId: string): Promise<GrantSummary | undefined> {
    const grant = await grants.get<AdapterPayload>(grantId)
    if (!grant || (revokedBefore && !isSince(revokedBefore, grant.iat))) return undefined
    const { accountId: subject = '', clientId = '', iat = 0, exp = 0, resources = {} } = grant
    const [user, session, clientName] = await Promise.all([
      accounts.get<SignedInUser>(subject),
      sessions.get<{ usedAt?: number }>(grantId),
      nameOf(clientId),
    ])
    const scopes = Object.entries(resources as Record<string, string>).map(([resource, text]) => [
      resource,
      [...scopesIn(text)],
    ])
    return {
      grantId,
      subject,
      ...(user && { username: user.username }),
      clientId,
      ...(clientName !== undefined && { clientName }),
      scopes: Object.fromEntries(scopes),
      createdAt: iat,
      usedAt: session?.usedAt ?? iat,
      endsAt: exp,
    }
  }

  async function nameOf(clientId: string): Promise<string | undefined> {
    const registration = await registrations.get<{ client_name?: unknown }>(clientId)
    const { client_name: name } = registration ?? bodyOf(await documents.get(clientId))
    return typeof name === 'string' ? name : undefined
  }

  async function* grantsOf(word: string): AsyncGenerator<GrantSummary> {
    for await (const grantId of pages(grants, word)) {
      const summary = await summaryOf(grantId)
      if (summary) yield summary
    }
  }

  async function* find({ subject, clientId }: GrantFilter = {}): AsyncGenerator<GrantSummary> {
    const { person, client } = wordsOfGrant
    if (subject !== undefined) {
      for await (const grant of grantsOf(person(subject))) {
        if (clientId === undefined || grant.clientId === clientId) yield grant
      }
    } else if (clientId !== undefined) yield* grantsOf(client(clientId))
    else for await (const id of withGrants.list()) yield* grantsOf(client(id))
  }

  async function endGrant(grantId: string): Promise<GrantSummary | undefined> {
    const summary = await summaryOf(grantId)
    if (!summary) return undefined
    await markSession(grantId)
    await grants.delete(grantId)
    return summary
  }

  return {
    grants: find,

    async *clients() {
      const seen = new Set<string>()
      for await (const clientId of withGrants.list()) {
        const used: number[] = []
        for await (const { usedAt } of find({ clientId })) used.push(usedAt)
        const revocation = await revoked.find(clientId)
        if (used.length === 0 && !revocation) continue
        seen.add(clientId)
        yield await client(clientId, used, revocation)
      }
      for await (const clientId of revoked.list()) {
        const revocation = seen.has(clientId) ? undefined : await revoked.find(clientId)
        if (revocation) yield await client(clientId, [], revocation)
      }
    },

    endGrant,

    async revokeClient(clientId, by) {
      // First, so that no grant is made behind our back.
      await revoked.add(clientId, { at: nowSeconds(), by })
      await registrations.delete(clientId)
      const ended: GrantSummary[] = []
      // Collected first: what is deleted must not move the pages.
      const found: string[] = []
      for await (const { grantId } of find({ clientId })) found.push(grantId)
      for (const grantId of found) {
        const grant = await endGrant(grantId)
        if (grant) ended.push(grant)
      }
      return ended
    },

    knowsClient: async clientId =>
      (await registrations.get(clientId)) !== undefined || (await documents.get(clientId)) !== undefined,

    allowClient: clientId => revoked.remove(clientId),
  }

  async function client(clientId: string, used: readonly number[], revocation?: Revocation): Promise<ClientSummary> {
    const clientName = await nameOf(clientId)
    return {
      clientId,
      ...(clientName !== undefined && { clientName }),
      sessions: used.length,
      ...(used.length > 0 && { usedAt: Math.max(...used) }),
      ...(revocation && { revoked: revocation }),
    }
  }
}

/** What a client publishes about itself, as it was last fetched: anything, once somebody has signed in with it. */
function bodyOf(copy: unknown): { client_name?: unknown } {
  const { body } = (copy ?? {}) as { body?: string }
  try {
    return JSON.parse(body ?? '{}') ?? {}
  } catch {
    return {}
  }
}
