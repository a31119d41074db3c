import { randomBytes } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { createAdministration } from '../../demo-as/administration.ts'
import { createOidcAdapter } from '../../demo-as/oidc-adapter.ts'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import type { Upstream } from '../../demo-as/upstream/upstream.ts'
import { listenHttps } from '../support/https.ts'
import { createClient, REDIRECT, RESOURCE, startServer, startWithClient } from './support.ts'

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** An authorization server, and the operator beside it. */
async function world() {
  const stores = createMemoryStores()
  const { client, events } = await startWithClient({ stores })
  const administration = createAdministration(stores)
  const grants = (filter = {}) => all(administration.grants(filter))
  const clients = () => all(administration.clients())
  return { client, events, administration, grants, clients, stores }
}

describe('grants', () => {
  it('are found by person, by client and all together', async () => {
    const { client, grants, events } = await world()
    const before = Math.floor(Date.now() / 1000)
    const { clientId } = await client.obtainTokens({}, 'ada')
    const { clientId: other } = await client.obtainTokens({}, 'ben')
    const [ada] = await grants({ subject: 'ada' })
    expect(ada).toEqual({
      grantId: events.find(({ event }) => event === 'token_issued')?.facts.grantId,
      subject: 'ada',
      username: 'ada',
      clientId,
      clientName: 'Test client',
      scopes: { [RESOURCE]: ['notes:read', 'notes:write'] },
      createdAt: expect.any(Number),
      usedAt: ada?.createdAt,
      endsAt: (ada?.createdAt ?? 0) + 90 * 24 * 3600,
    })
    expect(ada?.createdAt).toBeGreaterThanOrEqual(before)
    expect(await grants({ clientId: other })).toMatchObject([{ subject: 'ben' }])
    expect(await grants({ clientId: other, subject: 'ada' })).toEqual([])
    expect((await grants()).map(({ subject }) => subject).toSorted()).toEqual(['ada', 'ben'])
  })

  it('end with their tokens', async () => {
    const { client, administration, grants } = await world()
    const { clientId, tokens } = await client.obtainTokens()
    const [grant] = await grants()
    expect(await administration.endGrant(grant?.grantId ?? '')).toEqual(grant)
    expect(await grants()).toEqual([])
    expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
    const refreshed = await client.refresh(clientId, tokens.refresh_token)
    expect(refreshed).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  })

  it('end at the provider as well, by the process that serves the next request', async () => {
    const stores = createMemoryStores()
    const ended: unknown[] = []
    const user = { subject: 'github:7', username: 'octocat', name: 'Octocat', scopes: ['notes:read', 'notes:write'] }
    const upstream: Upstream = {
      name: 'Example',
      depart: async ({ state, redirectUri }) => ({ url: `${redirectUri}?${new URLSearchParams({ state })}` }),
      identify: async () => ({ outcome: 'signed_in', user, session: 'at-the-provider' }),
      end: async session => void ended.push(session),
    }
    const options = { stores, upstream, encryptionKeys: [randomBytes(32)] as const }
    const { client } = await startWithClient(options)
    await client.obtainTokens()
    const administration = createAdministration(stores)
    const [grant] = await all(administration.grants({ subject: 'github:7' }))
    expect(grant).toMatchObject({ username: 'octocat', usedAt: expect.any(Number) })
    await administration.endGrant(grant?.grantId ?? '')
    expect(ended).toEqual([])
    // Of another process, or of this one after a restart.
    await startServer(options)
    await vi.waitFor(() => expect(ended).toEqual(['at-the-provider']))
  })

  it('that do not exist are no error', async () => {
    const { administration } = await world()
    expect(await administration.endGrant('nothing')).toBeUndefined()
  })

  it('from before everything was revoked are not listed', async () => {
    const { client, stores } = await world()
    await client.obtainTokens()
    const revokedBefore = new Date(Date.now() + 60_000)
    const later = createAdministration(stores, revokedBefore)
    expect(await all(later.grants())).toEqual([])
  })

  it('are listed to the last one, however many there are', async () => {
    const { administration, stores } = await world()
    const adapter = createOidcAdapter(stores)('Grant')
    for (let i = 0; i < 250; i++)
      await adapter.upsert(`g${i}`, { accountId: 'ada', clientId: `c${i % 120}`, iat: 1 }, 60)
    expect(await all(administration.grants())).toHaveLength(250)
    expect(await all(administration.clients())).toHaveLength(120)
  })
})

describe('clients', () => {
  it('are listed with their sessions', async () => {
    const { client, clients } = await world()
    const { clientId } = await client.obtainTokens({}, 'ada')
    expect(await clients()).toEqual([{ clientId, clientName: 'Test client', sessions: 1, usedAt: expect.any(Number) }])
  })

  it('that are revoked lose their grants, and do not come back', async () => {
    const { client, administration, clients, grants } = await world()
    const { clientId, tokens } = await client.obtainTokens({}, 'ada')
    await client.obtainTokens({}, 'ben')
    expect(await administration.revokeClient(clientId, 'root')).toMatchObject([{ subject: 'ada', clientId }])
    expect((await grants()).map(({ subject }) => subject)).toEqual(['ben'])
    expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
    expect(await client.refresh(clientId, tokens.refresh_token)).toMatchObject({ status: 401 })
    const page = await fetch(client.authorizeUrl(clientId).url, { redirect: 'manual' })
    expect(page.status).toBe(400)
    expect(await clients()).toContainEqual({ clientId, sessions: 0, revoked: { at: expect.any(Number), by: 'root' } })
    expect(await administration.revokeClient(clientId, 'somebody else')).toEqual([])
    expect((await clients()).find(({ revoked }) => revoked)?.revoked?.by).toBe('root')
  })

  it('that were used while they were revoked stay revoked', async () => {
    const { client, administration, stores } = await world()
    const { json } = await client.register()
    const { fields } = await client.obtainCode(json.client_id)
    const answers = await Promise.all([client.token(fields), administration.revokeClient(json.client_id, 'root')])
    expect(answers).toHaveLength(2)
    expect(await stores('Client').get(json.client_id)).toBeUndefined()
  })

  it('that publish a document stay out until they are let in again', async () => {
    const metadata = { redirect_uris: [REDIRECT], grant_types: ['authorization_code', 'refresh_token'] }
    const host = await listenHttps('client.example', (_req, res) => {
      const document = {
        client_id: clientId,
        client_name: 'Published',
        token_endpoint_auth_method: 'none',
        ...metadata,
      }
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
    })
    const clientId = `https://${host}/client.json`
    const stores = createMemoryStores()
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }]
    const { origin } = await startServer({ stores, clientDocuments: { privateHosts: [host], resolve } })
    const client = createClient(origin)
    const signIn = async () => (await client.token((await client.obtainCode(clientId)).fields)).json
    const administration = createAdministration(stores)
    const tokens = await signIn()
    expect(await all(administration.clients())).toMatchObject([{ clientId, clientName: 'Published' }])

    await administration.revokeClient(clientId, 'root')
    expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
    expect((await fetch(client.authorizeUrl(clientId).url, { redirect: 'manual' })).status).toBe(400)

    expect(await administration.allowClient(clientId)).toBe(true)
    expect(await administration.allowClient(clientId)).toBe(false)
    expect(await signIn()).toHaveProperty('access_token')
  })

  it.each(['no JSON', 'null', '7', '[]', '{"client_name":{}}'])(
    'that publish %s by now are listed, and revoked with all of their grants',
    async body => {
      const { stores, client, administration, grants, clients } = await world()
      const { clientId } = await client.obtainTokens({}, 'ada')
      await stores('Client').delete(clientId)
      // As it was fetched: whoever publishes it chooses what that is.
      await stores('ClientDocument').set(clientId, { body }, 60)
      expect(await clients()).toEqual([{ clientId, sessions: 1, usedAt: expect.any(Number) }])
      expect(await grants()).toMatchObject([{ subject: 'ada', clientId }])
      expect(await administration.revokeClient(clientId, 'root')).toMatchObject([{ subject: 'ada', clientId }])
      expect(await grants()).toEqual([])
    },
  )
})
