import { describe, expect, it } from 'vitest'
import type { Emulator } from '../../../emulators/core/emulator.ts'
import { createGithubEmulator } from '../../../emulators/github.ts'
import { createGoogleEmulator } from '../../../emulators/google.ts'
import { createOidcEmulator } from '../../../emulators/oidc.ts'
import { createClient } from '../../demo-as/support.ts'
import { signIn } from '../../support/browser.ts'
import { callWith } from '../call-with.ts'
import { CLIENT, startBridge } from './support.ts'

interface Kind {
  create(redirectUri: string, people: never[]): Emulator
  settings(origin: string): Record<string, string>
  person: object
  /** What the bridge asks about somebody. */
  asks: string
  /** Where it ends what it was given. */
  ends: string
}

const kinds: Record<string, Kind> = {
  Google: {
    create: (uri, users) =>
      createGoogleEmulator({ clients: [{ ...CLIENT, type: 'web', redirectUris: [uri] }], users: users as never }),
    settings: origin => ({ AUTH_PROVIDER: 'google', AUTH_METADATA_URL: origin, BRIDGE_ALLOW: '@example.com' }),
    person: { login: 'ada', sub: '1', email: 'ada@example.com', emailVerified: true, hostedDomain: 'example.com' },
    asks: '/token',
    ends: '/revoke',
  },
  'an OpenID provider': {
    create: (uri, users) => createOidcEmulator({ clients: [{ ...CLIENT, redirectUris: [uri] }], users }),
    settings: origin => ({ AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL: origin, BRIDGE_ALLOW: 'group:staff' }),
    person: { login: 'ada', id: '1', claims: { groups: ['staff'] } },
    asks: '/token',
    ends: '/revoke',
  },
  GitHub: {
    create: (uri, users) =>
      createGithubEmulator({ clients: [{ ...CLIENT, kind: 'oauth', redirectUris: [uri] }], users: users as never }),
    settings: origin => ({ AUTH_PROVIDER: 'github', AUTH_METADATA_URL: origin, BRIDGE_ALLOW: 'org:42' }),
    person: { login: 'ada', id: 1, organizations: [{ id: 42, login: 'acme' }] },
    asks: '/api/v3/user',
    ends: `/api/v3/applications/${CLIENT.clientId}/token`,
  },
}

/** Somebody who signed in through the bridge, by hand: what the client does can be watched one request at a time. */
async function signedIn(
  { create, settings, person }: Kind,
  more: Record<string, string> = {},
  scope = 'notes:read notes:write',
) {
  const people = [{ ...person }]
  const bridge = await startBridge(
    uri => create(uri, people as never[]),
    origin => ({ ...settings(origin), ...more }),
  )
  const { servers, origin, provider } = bridge
  const client = createClient(servers.issuer)
  const { json: registered } = await client.register()
  const clientId = registered.client_id as string
  const { url, verifier } = client.authorizeUrl(clientId, { resource: servers.resource, scope })
  const callback = await signIn(url, { user: 'ada', provider: origin })
  const { json: tokens } = await client.token({
    grant_type: 'authorization_code',
    client_id: clientId,
    code: callback.searchParams.get('code') ?? '',
    code_verifier: verifier,
    redirect_uri: 'http://localhost:7777/callback',
  })
  const call = (token: string) => callWith(servers.resource, token)
  return {
    people,
    provider,
    resource: servers.resource,
    client,
    clientId,
    tokens,
    call,
    refresh: (token: string) => client.refresh(clientId, token),
  }
}

describe.each(Object.entries(kinds))('a refresh through a bridge to %s', (_name, kind) => {
  it('asks the provider about the person once', async () => {
    const { provider, tokens, call, refresh } = await signedIn(kind)
    const before = provider.count(kind.asks)
    const { status, json } = await refresh(tokens.refresh_token)
    expect(status).toBe(200)
    expect(provider.count(kind.asks)).toBe(before + 1)
    expect(await call(json.access_token)).toBe(200)
    expect((await refresh(json.refresh_token)).status).toBe(200)
  })

  it('takes the scopes of the sign-in again, word for word as Codex sends them', async () => {
    const { client, clientId, resource, tokens, call } = await signedIn(
      kind,
      {},
      'notes:read notes:admin offline_access',
    )
    expect(tokens.scope).toBe('notes:read')
    let token = tokens.refresh_token
    for (let hour = 0; hour < 2; hour++) {
      const fields = `client_id=${clientId}&resource=${encodeURIComponent(resource)}`
      const body = `grant_type=refresh_token&refresh_token=${token}&scope=notes%3Aread+notes%3Aadmin+offline_access&${fields}`
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      const { status, json } = await client.post('/oauth/token', body, form)
      expect({ status, scope: json.scope }).toEqual({ status: 200, scope: 'notes:read' })
      expect(await call(json.access_token)).toBe(200)
      token = json.refresh_token
    }
  })

  it('is refused when the person was removed, and access ends at once', async () => {
    const { people, tokens, call, refresh } = await signedIn(kind)
    expect(await call(tokens.access_token)).toBe(200)
    people.length = 0
    expect(await refresh(tokens.refresh_token)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    expect(await call(tokens.access_token)).toBe(401)
    expect(await refresh(tokens.refresh_token)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  })

  it('is 503 while the provider is down, and works with the same token afterwards', async () => {
    const { provider, tokens, call, refresh } = await signedIn(kind)
    const recover = provider.fail({ kind: 'status', status: 503 })
    const failed = await refresh(tokens.refresh_token)
    expect(failed).toMatchObject({ status: 503, json: { error: 'temporarily_unavailable' } })
    expect(failed.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await call(tokens.access_token)).toBe(200)
    recover()
    const { status, json } = await refresh(tokens.refresh_token)
    expect(status).toBe(200)
    expect(await call(json.access_token)).toBe(200)
  })

  it('is not possible after a revocation, which ends what the provider gave', async () => {
    const { provider, client, clientId, tokens, refresh } = await signedIn(kind)
    // The bridge may have asked there before, to learn how it has to authenticate.
    const before = provider.count(kind.ends)
    const { status } = await client.form('/oauth/revoke', { token: tokens.refresh_token, client_id: clientId })
    expect(status).toBe(200)
    await expect.poll(() => provider.count(kind.ends)).toBe(before + 1)
    expect((await refresh(tokens.refresh_token)).json).toMatchObject({ error: 'invalid_grant' })
  })
})

it('the refresh of somebody who left the group is refused', async () => {
  const { people, refresh, tokens } = await signedIn(kinds['an OpenID provider'] as Kind)
  Object.assign(people[0] as object, { claims: { groups: [] } })
  expect(await refresh(tokens.refresh_token)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
})

it('access tokens live no longer than the time after which a removed person is out', async () => {
  const { tokens } = await signedIn(kinds.Google as Kind, { BRIDGE_RECHECK_SECONDS: '120' })
  expect(tokens.expires_in).toBeLessThanOrEqual(120)
})
