import Provider, { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import { nowSeconds } from './clock.ts'
import { grantKeeper } from './operator-records.ts'
import type { StoreFactory } from './stores/store.ts'
import type { Seal } from './upstream/sealed.ts'

/** Things whose id is the secret that a client holds. It is not kept among the values as well, for whoever sees the store. */
const SECRET_IDS = new Set(['AccessToken', 'AuthorizationCode', 'ClientCredentials', 'RefreshToken'])

/** Things that lose their worth when everything issued before a time is revoked; what they lead to names its Grant. */
const REVOKED_BY_TIME = new Set([...SECRET_IDS, 'DeviceCode', 'Grant'])

/** oidc-provider keeps clients for ever; registration is open to everybody, so those that nobody uses are forgotten. */
const UNUSED_CLIENT_SECONDS = 7 * 24 * 3600

export interface OidcAdapterOptions {
  /** Tokens, codes and grants from before this time are as if they had never been. Default: none. */
  revokedBefore?: Date
  /** Encrypts the secrets of clients. Default: they are kept as they are, which is for the memory of one process. */
  seal?: Seal
  /** How long a client is kept that has just registered. Default: a week. */
  unusedClientSeconds?: () => number
  /** Called before a Grant is deleted, for whatever reason, and waited for. */
  beforeGrantEnds?: (grantId: string) => Promise<void>
}

/**
 * Storage of oidc-provider on top of a {@link StoreFactory}.
 *
 * All tokens of one consent name the same Grant, and each use looks the Grant up. A family is therefore revoked by
 * deleting its Grant, in one step and without an index of its members.
 */
export function createOidcAdapter(
  stores: StoreFactory,
  {
    revokedBefore,
    seal,
    beforeGrantEnds = async () => {},
    unusedClientSeconds = () => UNUSED_CLIENT_SECONDS,
  }: OidcAdapterOptions = {},
): (model: string) => Adapter {
  const isRevoked = (model: string, { iat }: AdapterPayload) =>
    revokedBefore !== undefined && REVOKED_BY_TIME.has(model) && !isSince(revokedBefore, iat)

  return model => {
    const records = stores(model)
    const grants = stores('Grant')
    const keepGrant = grantKeeper(stores)
    const find = async (id: string): Promise<AdapterPayload | undefined> => {
      const payload = await records.get<AdapterPayload>(id)
      if (!payload || isRevoked(model, payload)) return undefined
      if (model === 'RefreshToken') rememberRead(id, payload)
      if (SECRET_IDS.has(model)) return { ...payload, jti: id }
      if (model === 'Client') return openClient(id, payload, seal)
      return payload
    }
    // Collections of their own: a client may send anything as the id of a record.
    const ids = stores(`${model}Id`)
    const claims = stores(`${model}Claim`)
    const findByIndex = async (key: string) => {
      const id = await ids.get<string>(key)
      return id === undefined ? undefined : find(id)
    }

    return {
      find,
      findByUid: uid => findByIndex(uid),
      findByUserCode: userCode => findByIndex(userCode),

      async upsert(id, payload, expiresIn = unusedClientSeconds()) {
        // Until its person has decided, a request is on its way with the browser (sign-in.ts).
        if (model === 'Interaction' && payload.result === undefined) return
        if (model === 'DeviceCode') await claim(id, payload, expiresIn)
        if (model === 'Session') await ids.set(payload.uid as string, id, expiresIn)
        if (payload.userCode) await ids.set(payload.userCode, id, expiresIn)
        if (SECRET_IDS.has(model)) await records.set(id, { ...payload, jti: undefined }, expiresIn)
        else if (model === 'Grant') await keepGrant(id, payload, expiresIn)
        else if (model === 'Client') await records.set(id, sealClient(id, payload, seal), expiresIn)
        else if (model !== 'ReplayDetection') await records.set(id, payload, expiresIn)
        else if (!(await records.add(id, payload, expiresIn)))
          throw new errors.InvalidClientAuth('assertion used twice')
      },

      /** @throws {errors.InvalidGrant} Somebody else was faster; the family is revoked (RFC 9700 §4.14.2). */
      async consume(id) {
        const payload = await records.get<AdapterPayload>(id)
        if (payload && !payload.consumed) {
          const used = { ...payload, consumed: nowSeconds() }
          if (await records.swap(id, payload, used, secondsLeft(payload))) return
        }
        if (payload?.grantId) await endGrant(payload.grantId)
        throw new errors.InvalidGrant('already used')
      },

      async destroy(id) {
        if (model === 'Grant') return endGrant(id)
        if (model !== 'Interaction') return records.delete(id)
        // What was decided is gone on with once, of however many browsers that were sent there at once.
        if ((await records.take(id)) === undefined)
          throw new errors.SessionNotFound('somebody else has gone on with it')
      },
      // oidc-provider destroys the Grant itself at the same time, as `revokeGrantPolicy` has it.
      async revokeByGrantId() {},
    }

    async function endGrant(grantId: string): Promise<void> {
      await beforeGrantEnds(grantId)
      await grants.delete(grantId)
    }

    /** The first browser to confirm a user code gets it; another cannot approve it any more (RFC 8628 §5.4). */
    async function claim(id: string, payload: AdapterPayload, seconds: number): Promise<void> {
      const confirming = payload.inFlight && !payload.accountId && !payload.error
      if (confirming && !(await claims.add(id, true, seconds))) {
        throw new errors.InvalidRequest('this code is being used in another browser')
      }
    }
  }
}

/** @param seconds - Since the Unix epoch; what does not say when it was made counts as older. */
export function isSince(time: Date, seconds: number | undefined): boolean {
  return seconds !== undefined && seconds * 1000 >= time.getTime()
}

/** Marks a refresh token as used where that may have been left undone. */
export async function markAsUsed(stores: StoreFactory, refreshToken: string): Promise<void> {
  const records = stores('RefreshToken')
  const mark = (payload: AdapterPayload) =>
    records.swap(refreshToken, payload, { ...payload, consumed: nowSeconds() }, secondsLeft(payload))
  const known = readBefore(refreshToken)
  if (known && !known.consumed && (await mark(known))) return
  const payload = await records.get<AdapterPayload>(refreshToken)
  if (payload && !payload.consumed) await mark(payload)
}

const lastRead = Symbol('last read')
type State = { [lastRead]?: { id: string; payload: AdapterPayload } } | undefined

/** What is compared with the record later in the same request need not be read once more. */
function rememberRead(id: string, payload: AdapterPayload): void {
  const state: State = Provider.ctx?.state
  if (state) state[lastRead] = { id, payload }
}

function readBefore(id: string): AdapterPayload | undefined {
  const state: State = Provider.ctx?.state
  return state?.[lastRead]?.id === id ? state[lastRead].payload : undefined
}

const secondsLeft = ({ exp = 0 }: AdapterPayload) => Math.max(1, exp - nowSeconds())

/** In place of `client_secret` in a store that others can read. */
const SEALED = 'sealed_secret'

function sealClient(id: string, client: AdapterPayload, seal: Seal | undefined): AdapterPayload {
  const { client_secret: secret, ...rest } = client
  return seal && typeof secret === 'string' ? { ...rest, [SEALED]: seal.seal(secret, id) } : client
}

/** @returns `undefined` when its secret cannot be read any more: it is as unknown as one that has ended, and registers again. */
function openClient(id: string, kept: AdapterPayload, seal: Seal | undefined): AdapterPayload | undefined {
  const { [SEALED]: sealed, ...rest } = kept
  if (typeof sealed !== 'string') return kept
  const secret = seal?.open(sealed, id)
  return secret === undefined ? undefined : { ...rest, client_secret: secret }
}

/** Some clients never register again: a person who comes back after half a year still gets in. */
const AFTER_GRANT_SECONDS = 180 * 24 * 3600

/**
 * Keeps a registered client that was used, for longer than what it was given; others have an end of their own, or none. Its secret is
 * encrypted with the key in use now.
 *
 * @param grantSeconds - As long as what it was given can be of use.
 */
export async function keepClient(
  stores: StoreFactory,
  clientId: string,
  grantSeconds: number,
  seal: Seal | undefined,
): Promise<void> {
  const clients = stores('Client')
  const kept = await clients.get<AdapterPayload>(clientId)
  const client = kept && openClient(clientId, kept, seal)
  if (!client) return
  // Not `set`: an operator may have revoked it in the meantime.
  await clients.swap(clientId, kept, sealClient(clientId, client, seal), grantSeconds + AFTER_GRANT_SECONDS)
}
