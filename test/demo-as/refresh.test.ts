import { afterEach, describe, expect, it, vi } from 'vitest'
import type { AuthorizationServerOptions } from '../../demo-as/server.ts'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import type { StoreFactory } from '../../demo-as/stores/store.ts'
import {
  type Upstream,
  UpstreamBehindError,
  UpstreamMisconfiguredError,
  UpstreamUnavailableError,
} from '../../demo-as/upstream/upstream.ts'
import { createBrowser } from '../support/browser.ts'
import { createProofHolder } from '../support/proof-holder.ts'
import { basic, createClient, distantStores, RESOURCE, startServer, startWithClient } from './support.ts'

const GRACE = 30
const ada = { subject: 'example:1', username: 'ada', name: 'Ada', scopes: ['notes:read', 'notes:write'] }

afterEach(() => void vi.useRealTimers())

/** Lets time pass for everything that reads the clock; timers go on as they are. */
function pass(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

/** Two processes as far as they can tell: they share a store, and nothing else. */
async function startTwo(stores: StoreFactory = distantStores(), options: Partial<AuthorizationServerOptions> = {}) {
  const one = await startWithClient({ stores, ...options })
  const other = await startWithClient({ stores, issuer: one.origin, ...options })
  return { one, other }
}

describe('a used refresh token, within the grace period', () => {
  it('gives the same answer again, which is good', async () => {
    const { client, events } = await startWithClient()
    const { clientId, tokens } = await client.obtainTokens()
    const first = await client.refresh(clientId, tokens.refresh_token)
    pass(GRACE - 5)
    const second = await client.refresh(clientId, tokens.refresh_token)
    expect(second.status).toBe(200)
    expect(second.json).toEqual(first.json)
    expect((await client.introspect(second.json.access_token)).json).toMatchObject({ active: true, sub: 'ada' })
    expect((await client.refresh(clientId, second.json.refresh_token)).status).toBe(200)
    expect(events.filter(({ event }) => event === 'refresh_repeated')).toHaveLength(1)
  })

  it('gives it from another process too', async () => {
    const { one, other } = await startTwo()
    const { clientId, tokens } = await one.client.obtainTokens()
    const first = await one.client.refresh(clientId, tokens.refresh_token)
    expect((await other.client.refresh(clientId, tokens.refresh_token)).json).toEqual(first.json)
  })

  it('gives one answer to two hundred requests at once, over two processes (GHSA-7w99-5wm4-3g79)', async () => {
    const { one, other } = await startTwo(distantStores(1))
    const { clientId, tokens } = await one.client.obtainTokens()
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => (i % 2 ? one : other).client.refresh(clientId, tokens.refresh_token)),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(new Set(answers.map(({ json }) => json.refresh_token)).size).toBe(1)
    expect((await one.client.refresh(clientId, answers[0]?.json.refresh_token)).status).toBe(200)
  })

  it('gives it to nobody who does not authenticate as its client (GHSA-pw9m-5jxm-xr6h)', async () => {
    const { client } = await startWithClient()
    const { json } = await client.register({ token_endpoint_auth_method: 'client_secret_basic' })
    const authorization = basic(json.client_id, json.client_secret)
    const { fields } = await client.obtainCode(json.client_id)
    const { client_id: _id, ...rest } = fields
    const { json: tokens } = await client.token(rest, { authorization })
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
    const first = await client.token(refresh, { authorization })
    expect(await client.token({ ...refresh, client_id: json.client_id })).toMatchObject({
      status: 401,
      json: { error: 'invalid_client' },
    })
    const { json: other } = await client.register()
    expect(await client.refresh(other.client_id, tokens.refresh_token)).toMatchObject({
      status: 400,
      json: { error: 'invalid_grant' },
    })
    // Neither of the two ended the family.
    expect((await client.token(refresh, { authorization })).json).toEqual(first.json)
  })

  it('gives no answer to a request for something else, and the family lives', async () => {
    const { client } = await startWithClient()
    const { clientId, tokens } = await client.obtainTokens()
    const first = await client.refresh(clientId, tokens.refresh_token)
    for (const changes of [{ scope: 'notes:read' }, { resource: RESOURCE }]) {
      const refused = await client.refresh(clientId, tokens.refresh_token, changes as never)
      expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    }
    expect((await client.refresh(clientId, first.json.refresh_token)).status).toBe(200)
  })

  it('gives it to whoever proves the key of the token anew, and to nobody else', async () => {
    const { client, origin } = await startWithClient()
    const [holder, thief] = [await createProofHolder(), await createProofHolder()]
    const endpoint = `${origin}/oauth/token`
    const { json: registered } = await client.register()
    const { fields } = await client.obtainCode(registered.client_id)
    const { json: tokens } = await client.token(fields, { dpop: await holder.prove(endpoint) })
    expect(tokens.token_type).toBe('DPoP')
    const refresh = async (proof: string) =>
      client.token(
        { grant_type: 'refresh_token', client_id: registered.client_id, refresh_token: tokens.refresh_token },
        { dpop: proof },
      )
    const first = await refresh(await holder.prove(endpoint))
    expect(first.status).toBe(200)
    const [header, , signature] = (await holder.prove(endpoint)).split('.')
    const [, payload] = (await thief.prove(endpoint)).split('.')
    const forged = [header, payload, signature].join('.')
    expect(await refresh(forged)).toMatchObject({ status: 400, json: { error: 'invalid_dpop_proof' } })
    const late = await holder.prove(endpoint, undefined, { iat: Math.floor(Date.now() / 1000) - 3600 })
    expect(await refresh(late)).toMatchObject({ status: 400, json: { error: 'invalid_dpop_proof' } })
    expect((await refresh(await holder.prove(endpoint))).json).toEqual(first.json)
  })

  it('is kept so that a store outside of this process holds no token to read', async () => {
    const memory = createMemoryStores()
    const kept: string[] = []
    const stores: StoreFactory = collection => {
      const store = memory(collection)
      const add: typeof store.add = (key, value, seconds) => {
        if (collection === 'RefreshAnswer') kept.push(`${key} ${JSON.stringify(value)}`)
        return store.add(key, value, seconds)
      }
      return { ...store, isLocal: false, add }
    }
    const { client } = await startWithClient({ stores })
    const { clientId, tokens } = await client.obtainTokens()
    const { json } = await client.refresh(clientId, tokens.refresh_token)
    expect(kept).toHaveLength(1)
    for (const token of [tokens.refresh_token, json.access_token, json.refresh_token]) {
      expect(kept.join()).not.toContain(token)
    }
  })
})

it('a used refresh token after the grace period revokes the whole family', async () => {
  const { client } = await startWithClient()
  const { clientId, tokens } = await client.obtainTokens()
  const next = await client.refresh(clientId, tokens.refresh_token)
  pass(GRACE + 1)
  expect((await client.refresh(clientId, tokens.refresh_token)).json.error).toBe('invalid_grant')
  expect((await client.refresh(clientId, next.json.refresh_token)).json.error).toBe('invalid_grant')
  expect((await client.introspect(next.json.access_token)).json).toEqual({ active: false })
})

describe('a refresh that breaks off', () => {
  /** Stores that fail when an access token is to be written, as often as the test says. */
  function failing(times: number): StoreFactory {
    const memory = createMemoryStores()
    return collection => {
      const store = memory(collection)
      if (collection !== 'AccessToken') return store
      const set: typeof store.set = async (key, value, seconds) => {
        if (isOn && times-- > 0) throw new Error('the store is away')
        return store.set(key, value, seconds)
      }
      return { ...store, set }
    }
  }
  let isOn = false

  it.each([0, GRACE + 1, 86_400])('can be made again %d seconds later, and logs nobody out', async seconds => {
    isOn = false
    const { client } = await startWithClient({ stores: failing(1) })
    const { clientId, tokens } = await client.obtainTokens()
    isOn = true
    expect((await client.refresh(clientId, tokens.refresh_token)).status).toBe(500)
    pass(seconds)
    const again = await client.refresh(clientId, tokens.refresh_token)
    expect(again.status).toBe(200)
    expect((await client.introspect(again.json.access_token)).json).toMatchObject({ active: true })
    expect((await client.refresh(clientId, again.json.refresh_token)).status).toBe(200)
  })
})

describe('in front of a real provider, a refresh', () => {
  /** Somebody who signed in at an upstream that answers rechecks as the test says. */
  async function signedIn(recheck: NonNullable<Upstream['recheck']>) {
    const upstream: Upstream = {
      name: 'Example ID',
      depart: async ({ state }) => ({ url: `https://upstream.example/login?${new URLSearchParams({ state })}` }),
      identify: async () => ({ outcome: 'signed_in', user: ada, session: 'kept' }),
      recheck,
    }
    const stores = distantStores()
    const encryptionKeys: [Buffer] = [Buffer.alloc(32, 7)]
    const { origin } = await startServer({ upstream, stores, encryptionKeys })
    const { origin: otherOrigin } = await startServer({ upstream, stores, encryptionKeys, issuer: origin })
    const [client, other] = [createClient(origin), createClient(otherOrigin)]
    const { json } = await client.register()
    const { url, verifier } = client.authorizeUrl(json.client_id)
    const browser = createBrowser()
    const away = await browser.submit(await browser.open(url), 'decision', { decision: 'allow' })
    const state = away.url.searchParams.get('state') ?? ''
    const back = await browser.open(`${origin}/oauth/callback?${new URLSearchParams({ state, code: 'x' })}`)
    const { json: tokens } = await client.token({
      grant_type: 'authorization_code',
      client_id: json.client_id,
      code: back.url.searchParams.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: url.searchParams.get('redirect_uri') ?? '',
    })
    return { client, other, clientId: json.client_id as string, tokens }
  }

  it('asks the provider once, however many requests there are at once in two processes', async () => {
    let asked = 0
    const { client, other, clientId, tokens } = await signedIn(async () => {
      asked++
      return { outcome: 'signed_in', user: ada, session: 'kept' }
    })
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? client : other).refresh(clientId, tokens.refresh_token)),
    )
    expect(new Set(answers.map(({ json }) => json.refresh_token)).size).toBe(1)
    expect(asked).toBe(1)
  })

  it.each([
    ['away', new UpstreamUnavailableError('no answer'), '10'],
    ['ahead of us', new UpstreamBehindError('a new key'), '5'],
    ['not accepting us', new UpstreamMisconfiguredError('invalid_client'), '60'],
  ])(
    'is answered with 503 while the provider is %s, with the time after which it is worth trying',
    async (...given) => {
      const [, error, seconds] = given
      const { client, clientId, tokens } = await signedIn(() => Promise.reject(error))
      const refused = await client.refresh(clientId, tokens.refresh_token)
      expect(refused).toMatchObject({ status: 503, json: { error: 'temporarily_unavailable' } })
      expect(refused.headers.get('retry-after')).toBe(seconds)
      expect((await client.introspect(tokens.access_token)).json.active).toBe(true)
    },
  )

  it('is answered with 503 while the provider is away, and the refresh token stays good', async () => {
    let away = true
    const { client, clientId, tokens } = await signedIn(async () => {
      if (away) throw new UpstreamUnavailableError('no answer')
      return { outcome: 'signed_in', user: ada, session: 'kept' }
    })
    const refused = await client.refresh(clientId, tokens.refresh_token)
    expect(refused).toMatchObject({ status: 503, json: { error: 'temporarily_unavailable' } })
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    away = false
    expect((await client.refresh(clientId, tokens.refresh_token)).status).toBe(200)
  })

  it.each([
    ['removed', { outcome: 'nobody' as const, reason: 'removed' }],
    ['no longer among those that may enter', { outcome: 'not_allowed' as const, words: 'No.', reason: 'not listed' }],
  ])('ends the access of somebody who was %s', async (_name, answer) => {
    const { client, clientId, tokens } = await signedIn(async () => answer)
    expect((await client.introspect(tokens.access_token)).json.active).toBe(true)
    expect((await client.refresh(clientId, tokens.refresh_token)).json.error).toBe('invalid_grant')
    expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
  })
})
