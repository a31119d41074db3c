import type Provider from 'oidc-provider'
import type { AdapterPayload, KoaContextWithOIDC } from 'oidc-provider'
import { nowSeconds } from './clock.ts'
import { clientsWithGrants, wordsOfGrant } from './operator-records.ts'
import type { StoreFactory } from './stores/store.ts'

export interface SlidingGrantsOptions {
  stores: StoreFactory
  /** How long a grant goes on after a refresh, in seconds. */
  seconds: number
  /** The most that it goes on for after the person granted it, in seconds. */
  mostSeconds: number
  /** Keeps a client that was used. */
  keepClient: (clientId: string) => Promise<void>
}

const DAY = 86_400

/**
 * Lets what is used go on: a refresh moves the end of its grant, and of the person and the client that belong to it. Not at every
 * refresh, since the end matters to a day only. What cannot be written now is written at the next one.
 */
export function slideGrants(provider: Provider, options: SlidingGrantsOptions): void {
  const { stores, seconds, mostSeconds, keepClient } = options
  const grants = stores('Grant')
  const accounts = stores('Account')
  const clients = clientsWithGrants(stores)
  const stepSeconds = Math.min(DAY, seconds / 10)

  provider.use(async (context, next) => {
    await next()
    const ctx = context as KoaContextWithOIDC
    const isRefresh = ctx._matchedRouteName === 'token' && ctx.oidc.params?.grant_type === 'refresh_token'
    const { RefreshToken: token, Grant: grant } = ctx.oidc?.entities ?? {}
    if (!isRefresh || ctx.status !== 200 || !token?.grantId || !grant || newEndOf(grant) === undefined) return
    await extend(token.grantId, token.accountId, token.clientId).catch(() => {})
  })

  /** @returns `undefined` where it would be as good as the old one. */
  function newEndOf({ iat, exp }: { iat?: number; exp?: number }): number | undefined {
    const now = nowSeconds()
    const end = Math.min(now + seconds, (iat ?? now) + mostSeconds)
    return end - (exp ?? now) < stepSeconds ? undefined : end
  }

  /** By compare-and-set: a grant that is revoked meanwhile does not come back. */
  async function extend(grantId: string, accountId?: string, clientId?: string): Promise<void> {
    const grant = await grants.get<AdapterPayload>(grantId)
    if (!grant) return
    const end = newEndOf(grant)
    if (end === undefined) return
    const secondsLeft = end - nowSeconds()
    const next = { ...grant, exp: end }
    if (!(await grants.swap(grantId, grant, next, secondsLeft, wordsOfGrant.all(grant)))) return
    const account = accountId === undefined ? undefined : await accounts.get(accountId)
    if (account !== undefined) await accounts.set(String(accountId), account, seconds)
    if (clientId === undefined) return
    await keepClient(clientId)
    await clients.add(clientId, secondsLeft)
  }
}
