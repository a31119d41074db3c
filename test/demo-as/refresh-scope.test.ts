import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuthorizationServerOptions } from '../../demo-as/server.ts'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import { connectRedisStores } from '../../demo-as/stores/redis.ts'
import type { StoreFactory } from '../../demo-as/stores/store.ts'
import type { Identification, SignedInUser, Upstream } from '../../demo-as/upstream/upstream.ts'
import { createBrowser, signIn } from '../support/browser.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { distantStores, files, notes, REDIRECT, startWithClient } from './support.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** Ben may read and write, in the demo and at the provider of the bridge; `notes:admin` he may not grant. */
const ben: SignedInUser = { subject: 'example:2', username: 'ben', name: 'Ben', scopes: ['notes:read', 'notes:write'] }

let redis: RedisServer
const open: { close(): Promise<void> }[] = []
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  for (const { close } of open) await close()
  await redis.stop()
})

async function onRedis(): Promise<StoreFactory> {
  const connected = await connectRedisStores({ url: redis.url, prefix: `test-${open.length}` })
  open.push(connected)
  return connected.stores
}

/** A provider that signs in Ben at once. What it says of him later is what the test puts in `answer`. */
function provider(): Upstream & { answer: Identification } {
  const upstream = {
    name: 'Example ID',
    answer: { outcome: 'signed_in', user: ben, session: 'kept' } as Identification,
    depart: async ({ state, redirectUri }: { state: string; redirectUri: string }) => ({
      url: `${redirectUri}?${new URLSearchParams({ state, code: 'x' })}`,
    }),
    identify: async () => ({ outcome: 'signed_in', user: ben, session: 'kept' }) as const,
    recheck: async () => upstream.answer,
  }
  return upstream
}

/** Ben, signed in with a registered client. */
async function signedIn(request: Record<string, string>, options: Partial<AuthorizationServerOptions> = {}) {
  const server = await startWithClient(options)
  const { clientId, tokens } = await server.client.obtainTokens(request, 'ben')
  const refresh = (scope: string | undefined, token = tokens.refresh_token) =>
    server.client.refresh(clientId, token, scope === undefined ? {} : { scope })
  return { ...server, clientId, tokens, refresh }
}

interface McpClient {
  /** Of its authorization request. */
  scope: string
  prompt?: string
  /** Of its refresh, as it is sent. */
  body: string
  granted: string
}

/** What clients send, word for word but for the order of the fields. */
const clients: Record<string, McpClient> = {
  'Codex 0.171.0': {
    scope: 'notes:read offline_access',
    body: 'grant_type=refresh_token&refresh_token=TOKEN&client_id=CLIENT&scope=notes%3Aread+offline_access&resource=http%3A%2F%2Flocalhost%3A3232%2Fmcp',
    granted: 'notes:read',
  },
  'Codex, which keeps scopes in no order': {
    scope: 'offline_access notes:write notes:read',
    body: 'grant_type=refresh_token&refresh_token=TOKEN&client_id=CLIENT&scope=offline_access%20notes%3Awrite%20notes%3Aread&resource=http%3A%2F%2Flocalhost%3A3232%2Fmcp',
    granted: 'notes:read notes:write',
  },
  'Codex, for somebody who may not grant all of it': {
    scope: 'notes:read notes:admin offline_access',
    body: 'grant_type=refresh_token&refresh_token=TOKEN&client_id=CLIENT&scope=notes%3Aread+notes%3Aadmin+offline_access&resource=http%3A%2F%2Flocalhost%3A3232%2Fmcp',
    granted: 'notes:read',
  },
  'Copilot CLI 1.0.102': {
    scope: 'notes:read offline_access',
    prompt: 'consent',
    body: 'grant_type=refresh_token&refresh_token=TOKEN&scope=notes%3Aread&client_id=CLIENT&resource=http%3A%2F%2Flocalhost%3A3232%2Fmcp',
    granted: 'notes:read',
  },
  'Copilot CLI after a step-up': {
    scope: 'notes:read offline_access notes:write',
    prompt: 'consent select_account',
    body: 'grant_type=refresh_token&refresh_token=TOKEN&scope=notes%3Aread+notes%3Awrite&client_id=CLIENT&resource=http%3A%2F%2Flocalhost%3A3232%2Fmcp',
    granted: 'notes:read notes:write',
  },
  'mcp-remote 0.15.1': {
    scope: 'notes:read offline_access',
    prompt: 'consent',
    body: 'grant_type=refresh_token&refresh_token=TOKEN&scope=notes%3Aread&resource=http%3A%2F%2Flocalhost%3A3232%2Fmcp&client_id=CLIENT',
    granted: 'notes:read',
  },
  // Whether its refresh names scopes was not measured: both ways are good.
  'Claude Code 2.1.332, without a scope': {
    scope: 'notes:read notes:write notes:admin offline_access',
    prompt: 'consent',
    body: 'grant_type=refresh_token&refresh_token=TOKEN&client_id=CLIENT&resource=http%3A%2F%2Flocalhost%3A3232%2Fmcp',
    granted: 'notes:read notes:write',
  },
  'Claude Code 2.1.332, with the scopes of its sign-in': {
    scope: 'notes:read notes:write notes:admin offline_access',
    prompt: 'consent',
    body: 'grant_type=refresh_token&refresh_token=TOKEN&client_id=CLIENT&resource=http%3A%2F%2Flocalhost%3A3232%2Fmcp&scope=notes%3Aread+notes%3Awrite+notes%3Aadmin+offline_access',
    granted: 'notes:read notes:write',
  },
  'a client of SDK 1.12, which knows no resource': {
    scope: 'notes:read',
    body: 'grant_type=refresh_token&client_id=CLIENT&refresh_token=TOKEN',
    granted: 'notes:read',
  },
  'a client that asks for what other servers have': {
    scope: 'profile email',
    body: 'grant_type=refresh_token&refresh_token=TOKEN&client_id=CLIENT&scope=profile+email',
    granted: 'notes:read',
  },
}

describe.each<[string, () => Promise<Partial<AuthorizationServerOptions>>]>([
  ['the demo in memory', async () => ({ stores: createMemoryStores() })],
  ['the demo on Redis', async () => ({ stores: await onRedis() })],
  ['a bridge in memory', async () => ({ stores: createMemoryStores(), upstream: provider() })],
  ['a bridge on Redis', async () => ({ stores: await onRedis(), upstream: provider() })],
])('a refresh at %s', (_mode, options) => {
  it.each(Object.entries(clients))(
    'goes on hour after hour for %s',
    async (_name, { scope, prompt, body, granted }) => {
      const { client, clientId, tokens } = await signedIn({ scope, ...(prompt && { prompt }) }, await options())
      expect(tokens.scope).toBe(granted)
      let token = tokens.refresh_token
      for (let hour = 0; hour < 3; hour++) {
        const text = body.replace('TOKEN', token).replace('CLIENT', clientId)
        const { status, json } = await client.post('/oauth/token', text, FORM)
        expect({ status, scope: json.scope }).toEqual({ status: 200, scope: granted })
        expect((await client.introspect(json.access_token)).json).toMatchObject({ active: true, scope: granted })
        token = json.refresh_token
      }
    },
  )

  it.each([
    ['that the person was never asked for', 'notes:read notes:write'],
    ['that the person was never asked for, beside scopes that are passed over', 'offline_access notes:write profile'],
    ['that the person could not grant, and no other', 'notes:admin offline_access'],
  ])('is refused for a scope %s, and the token is not used up', async (_name, scope) => {
    const { refresh } = await signedIn({ scope: 'notes:read notes:admin' }, await options())
    expect(await refresh(scope)).toMatchObject({ status: 400, json: { error: 'invalid_scope' } })
    expect((await refresh('notes:read')).json.scope).toBe('notes:read')
  })
})

describe('the scope of a refresh', () => {
  it.each([
    ['offline_access alone stands for everything', 'offline_access', 'notes:read notes:write'],
    ['none of the resource stands for everything', 'profile email openid', 'notes:read notes:write'],
    ['in another order', 'notes:write notes:read', 'notes:read notes:write'],
    ['named twice', 'notes:write notes:write', 'notes:write'],
    ['with spaces too many', ' notes:read  notes:write ', 'notes:read notes:write'],
    ['beside what is no scope', 'notes:read "quoted" back\\slash', 'notes:read'],
    ['beside one of another resource', 'notes:read files:read', 'notes:read'],
    ['of another resource alone stands for everything', 'files:read', 'notes:read notes:write'],
    ['that is empty', '', 'notes:read notes:write'],
  ])('%s', async (_name, scope, granted) => {
    const { refresh } = await signedIn({ scope: 'notes:read notes:write' }, { resources: [notes, files] })
    const { status, json } = await refresh(scope)
    expect({ status, scope: json.scope }).toEqual({ status: 200, scope: granted })
    expect(json).not.toHaveProperty('id_token')
  })

  it('that is narrow does not narrow the next one', async () => {
    const { refresh } = await signedIn({ scope: 'notes:read notes:write' })
    const narrow = await refresh('notes:read offline_access')
    expect(narrow.json.scope).toBe('notes:read')
    expect((await refresh('notes:write', narrow.json.refresh_token)).json.scope).toBe('notes:write')
  })

  it.each([
    ['gives an ID token where the sign-in did', 'openid notes:read offline_access', 'openid notes:read', true],
    ['gives one to a request that names no scope', 'openid notes:read', undefined, true],
    ['gives none to a request without openid', 'openid notes:read', 'notes:read', false],
    ['gives none where the sign-in gave none', 'notes:read', 'openid notes:read', false],
  ])('%s', async (_name, first, then, has) => {
    const { refresh } = await signedIn({ scope: first })
    const { status, json } = await refresh(then)
    expect({ status, scope: json.scope, has: 'id_token' in json }).toEqual({ status: 200, scope: 'notes:read', has })
  })

  it('may be spelled otherwise when an answer is asked for again', async () => {
    const { refresh } = await signedIn({ scope: 'notes:read notes:write offline_access' }, { stores: distantStores() })
    const scopes = [
      'notes:write notes:read offline_access',
      'offline_access notes:read notes:write',
      'notes:read notes:write',
    ]
    const answers = await Promise.all(scopes.map(scope => refresh(scope)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(new Set(answers.map(({ json }) => json.refresh_token)).size).toBe(1)
  })

  it('does not save a used token: its family ends, whatever the request asks for', async () => {
    const { client, refresh } = await signedIn({ scope: 'notes:read' }, { lifetimes: { refreshGrace: 0 } })
    const { json } = await refresh('notes:read')
    expect((await refresh('notes:read notes:admin')).json.error).toBe('invalid_grant')
    expect((await client.introspect(json.access_token)).json).toEqual({ active: false })
  })

  it('is judged for the client of the token only: another one learns nothing of it', async () => {
    const { client, tokens } = await signedIn({ scope: 'notes:read' })
    const { json } = await client.register()
    for (const scope of ['notes:read', 'notes:admin']) {
      expect((await client.refresh(json.client_id, tokens.refresh_token, { scope })).json.error).toBe('invalid_grant')
    }
  })

  it('passes over what a device asked for and its person could not grant', async () => {
    const { client } = await startWithClient()
    const { json } = await client.register({
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      redirect_uris: undefined,
    })
    const client_id = json.client_id as string
    const scope = 'notes:read notes:admin offline_access'
    const { json: asked } = await client.form('/oauth/device_authorization', { client_id, scope })
    const browser = createBrowser()
    const code = await browser.open(asked.verification_uri_complete)
    const confirm = await browser.submit(code, 'user_code', { user_code: asked.user_code })
    const page = await browser.submit(confirm, 'confirm', { confirm: 'yes' })
    const consent = await browser.submit(page, 'user', { user: 'ben' })
    await browser.submit(consent, 'decision', { decision: 'allow' })
    const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
    const { json: tokens } = await client.token({ grant_type, client_id, device_code: asked.device_code, scope })
    expect(tokens.scope).toBe('notes:read')
    expect((await client.refresh(client_id, tokens.refresh_token, { scope })).json.scope).toBe('notes:read')
  })
})

it('a refresh goes on when the operator adds a slash to the identifier of the resource, or takes it away', async () => {
  const stores = createMemoryStores()
  const { origin, client, clientId, tokens } = await signedIn({ scope: 'notes:read' }, { stores })
  const slash = { ...notes, resource: `${notes.resource}/` }
  const { client: renamed } = await startWithClient({ stores, issuer: origin, resources: [slash] })
  const resource = slash.resource
  const { status, json } = await renamed.refresh(clientId, tokens.refresh_token, { resource })
  expect({ status, scope: json.scope }).toEqual({ status: 200, scope: 'notes:read' })
  expect((await renamed.introspect(json.access_token)).json).toMatchObject({ active: true, aud: resource })
  expect((await client.refresh(clientId, json.refresh_token, { resource })).status).toBe(200)
})

describe('scopes that were granted and then withdrawn', () => {
  /** Ben has granted reading and writing; since then the rules let him grant `scopes`. */
  async function withdrawn(scopes: string[]) {
    const upstream = provider()
    const started = await signedIn({ scope: 'notes:read notes:write offline_access' }, { upstream })
    upstream.answer = { outcome: 'signed_in', user: { ...ben, scopes }, session: 'kept' }
    return { ...started, upstream }
  }

  it('are passed over when the client names them again, for good', async () => {
    const { refresh, upstream } = await withdrawn(['notes:read'])
    const first = await refresh('notes:read notes:write offline_access')
    expect({ status: first.status, scope: first.json.scope }).toEqual({ status: 200, scope: 'notes:read' })
    upstream.answer = { outcome: 'signed_in', user: ben, session: 'kept' }
    const second = await refresh('notes:read notes:write offline_access', first.json.refresh_token)
    expect({ status: second.status, scope: second.json.scope }).toEqual({ status: 200, scope: 'notes:read' })
  })

  it('are refused when the client names nothing else, and the token is not used up', async () => {
    const { refresh } = await withdrawn(['notes:read'])
    expect(await refresh('notes:write')).toMatchObject({ status: 400, json: { error: 'invalid_scope' } })
    expect((await refresh(undefined)).json.scope).toBe('notes:read')
  })

  it.each([undefined, 'notes:read notes:write offline_access'])(
    'end the grant when nothing is left, so that the client signs in anew: scope %s',
    async scope => {
      const { client, tokens, refresh, events } = await withdrawn(['notes:admin'])
      expect(await refresh(scope)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
      expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
      expect((await refresh(undefined)).json.error).toBe('invalid_grant')
      expect(events.map(({ event }) => event)).toContain('family_revoked')
    },
  )

  it('by taking them out of the configuration are passed over too', async () => {
    const stores = createMemoryStores()
    const { origin, clientId, tokens } = await signedIn({ scope: 'notes:read notes:write' }, { stores })
    const { 'notes:write': _gone, ...scopes } = notes.scopes
    const { client } = await startWithClient({ stores, issuer: origin, resources: [{ ...notes, scopes }] })
    const { status, json } = await client.refresh(clientId, tokens.refresh_token, { scope: 'notes:read notes:write' })
    expect({ status, scope: json.scope }).toEqual({ status: 200, scope: 'notes:read' })
  })
})

it('a sign-in for more adds to nothing: each grant has its own scopes, and its refresh gives those', async () => {
  const { client } = await startWithClient()
  const { json } = await client.register()
  const tokensFor = async (scope: string) => {
    const { url, verifier } = client.authorizeUrl(json.client_id, { scope })
    const code = (await signIn(url, { user: 'ben' })).searchParams.get('code') ?? ''
    const fields = { grant_type: 'authorization_code', client_id: json.client_id, code, code_verifier: verifier }
    return (await client.token({ ...fields, redirect_uri: REDIRECT })).json
  }
  const narrow = await tokensFor('notes:read')
  const wide = await tokensFor('notes:read notes:write')
  const scope = 'notes:read notes:write'
  expect((await client.refresh(json.client_id, narrow.refresh_token, { scope })).json.error).toBe('invalid_scope')
  expect((await client.refresh(json.client_id, wide.refresh_token, { scope })).json.scope).toBe(scope)
})
