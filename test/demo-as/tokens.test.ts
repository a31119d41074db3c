import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { distantStores, files, notes, RESOURCE, startWithClient as start } from './support.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('a code', () => {
  it.each([
    ['without a verifier', { code_verifier: undefined }],
    ['with another verifier', { code_verifier: 'x'.repeat(43) }],
    ['that does not exist', { code: 'x'.repeat(43) }],
  ])('%s is invalid_grant', async (_name, changes) => {
    const { client } = await start()
    const { json } = await client.register()
    const { fields } = await client.obtainCode(json.client_id)
    expect(await client.token({ ...fields, ...changes })).toMatchObject({
      status: 400,
      json: { error: 'invalid_grant' },
    })
  })

  it('of another client is invalid_grant', async () => {
    const { client } = await start()
    const [first, second] = [await client.register(), await client.register()]
    const { fields } = await client.obtainCode(first.json.client_id)
    const refused = await client.token({ ...fields, client_id: second.json.client_id })
    expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  })

  it('that expired is invalid_grant', async () => {
    const { client } = await start()
    const { json } = await client.register()
    const { fields } = await client.obtainCode(json.client_id)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
    expect(await client.token(fields)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  })

  it('used twice revokes what it gave', async () => {
    const { client } = await start()
    const { json } = await client.register()
    const { fields } = await client.obtainCode(json.client_id)
    const first = await client.token(fields)
    expect((await client.introspect(first.json.access_token)).json.active).toBe(true)
    expect(await client.token(fields)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    expect((await client.introspect(first.json.access_token)).json).toEqual({ active: false })
    expect((await client.refresh(json.client_id, first.json.refresh_token)).status).toBe(400)
  })

  it('redeemed by ten requests at once gives tokens to one at most', async () => {
    const { client } = await start({ stores: distantStores() })
    const { json } = await client.register()
    const { fields } = await client.obtainCode(json.client_id)
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.token(fields)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(new Set(answers.filter(({ status }) => status !== 200).map(({ json: body }) => body.error))).toEqual(
      new Set(['invalid_grant']),
    )
  })
})

describe('a refresh token', () => {
  it('rotates and keeps resource and scope', async () => {
    const { client } = await start()
    const { clientId, tokens } = await client.obtainTokens()
    const { status, json } = await client.refresh(clientId, tokens.refresh_token, { resource: `${RESOURCE}/` })
    expect(status).toBe(200)
    expect(json.refresh_token).not.toBe(tokens.refresh_token)
    expect(json.scope).toBe('notes:read notes:write')
    expect((await client.introspect(json.access_token)).json).toMatchObject({ aud: RESOURCE, sub: 'ada' })
  })

  it('may narrow the scope of a token, and gives the whole of it again later', async () => {
    const { client } = await start()
    const { clientId, tokens } = await client.obtainTokens()
    const narrow = await client.refresh(clientId, tokens.refresh_token, { scope: 'notes:read' })
    expect(narrow.json.scope).toBe('notes:read')
    const whole = await client.refresh(clientId, narrow.json.refresh_token)
    expect(whole.json.scope).toBe('notes:read notes:write')
  })

  it.each([
    ['scope', { scope: 'notes:read notes:admin' }, 'invalid_scope'],
    ['resource, known', { resource: files.resource }, 'invalid_target'],
    ['resource, of a stranger', { resource: 'https://elsewhere.example.com' }, 'invalid_target'],
  ])('does not widen: %s; and is not used up by the attempt', async (_name, changes, error) => {
    const { client } = await start({ resources: [notes, files] })
    const { clientId, tokens } = await client.obtainTokens()
    const refused = await client.refresh(clientId, tokens.refresh_token, changes as Record<string, string>)
    expect(refused).toMatchObject({ status: 400, json: { error } })
    expect((await client.refresh(clientId, tokens.refresh_token)).status).toBe(200)
  })

  it('used twice revokes the whole family where there is no grace', async () => {
    const { client, events } = await start({ lifetimes: { refreshGrace: 0 } })
    const { clientId, tokens } = await client.obtainTokens()
    const next = await client.refresh(clientId, tokens.refresh_token)
    expect(await client.refresh(clientId, tokens.refresh_token)).toMatchObject({
      status: 400,
      json: { error: 'invalid_grant' },
    })
    expect((await client.refresh(clientId, next.json.refresh_token)).json.error).toBe('invalid_grant')
    for (const token of [tokens.access_token, next.json.access_token]) {
      expect((await client.introspect(token)).json).toEqual({ active: false })
    }
    expect(events.map(({ event }) => event)).toContain('family_revoked')
  })

  it('used by ten requests at once without grace gives tokens to one at most, and the family ends', async () => {
    const { client } = await start({ stores: distantStores(), lifetimes: { refreshGrace: 0 } })
    const { clientId, tokens } = await client.obtainTokens()
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.refresh(clientId, tokens.refresh_token)))
    const given = answers.filter(({ status }) => status === 200)
    expect(given).toHaveLength(1)
    expect((await client.introspect(given[0]?.json.access_token)).json).toEqual({ active: false })
    expect((await client.refresh(clientId, given[0]?.json.refresh_token)).status).toBe(400)
  })

  it('of another client is invalid_grant', async () => {
    const { client } = await start()
    const { tokens } = await client.obtainTokens()
    const { json } = await client.register()
    const refused = await client.refresh(json.client_id, tokens.refresh_token)
    expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  })

  it('is not given to a client that did not register for it', async () => {
    const { client } = await start()
    const { json } = await client.register({ grant_types: ['authorization_code'] })
    const { fields } = await client.obtainCode(json.client_id)
    expect((await client.token(fields)).json).not.toHaveProperty('refresh_token')
  })

  it('is given with offline_access and without', async () => {
    const { client } = await start()
    const { tokens } = await client.obtainTokens({ scope: 'notes:read offline_access', prompt: 'consent' })
    expect(tokens).toMatchObject({ refresh_token: expect.any(String), scope: 'notes:read' })
  })
})

describe('access tokens in the jwt format', () => {
  it('are RFC 9068 ones, verifiable by the published keys', async () => {
    const { origin, client } = await start({ accessTokenFormat: 'jwt' })
    const { clientId, tokens } = await client.obtainTokens()
    const jwks = await (await fetch(`${origin}/oauth/jwks`)).json()
    const { payload, protectedHeader } = await jwtVerify(tokens.access_token, createLocalJWKSet(jwks as never))
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) })
    expect(payload).toEqual({
      iss: origin,
      sub: 'ada',
      aud: RESOURCE,
      client_id: clientId,
      scope: 'notes:read notes:write',
      username: 'ada',
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: expect.any(Number),
    })
    expect(JSON.stringify(jwks)).not.toContain('"d":')
    const refreshed = await client.refresh(clientId, tokens.refresh_token)
    expect(refreshed.json.access_token.split('.')).toHaveLength(3)
  })

  it('name the client as subject where there is no user', async () => {
    const { client } = await start({ accessTokenFormat: 'jwt' })
    const { json } = await client.register({
      grant_types: ['client_credentials'],
      redirect_uris: undefined,
      token_endpoint_auth_method: 'client_secret_post',
    })
    const { client_id, client_secret } = json
    const { json: tokens } = await client.token({ grant_type: 'client_credentials', client_id, client_secret })
    const payload = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url').toString())
    expect(payload).toMatchObject({ sub: client_id, client_id, aud: RESOURCE, scope: 'notes:read' })
  })
})

it('issues an ID token to a client that asks for openid, and the access token stays one for the resource', async () => {
  const { origin, client } = await start()
  const { json } = await client.register()
  const { fields } = await client.obtainCode(json.client_id, { scope: 'openid notes:read', nonce: 'n-0S6' })
  const { json: tokens } = await client.token(fields)
  const payload = JSON.parse(Buffer.from(tokens.id_token.split('.')[1], 'base64url').toString())
  expect(payload).toMatchObject({ iss: origin, sub: 'ada', aud: json.client_id, nonce: 'n-0S6' })
  expect((await client.introspect(tokens.access_token)).json).toMatchObject({ aud: RESOURCE, scope: 'notes:read' })
})
