import { afterEach, describe, expect, it, vi } from 'vitest'
import { basic, files, notes, RS, startWithClient as start } from './support.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('introspection', () => {
  it('of a token for another resource server says inactive and nothing else', async () => {
    const { client } = await start({ resources: [notes, files] })
    const { tokens } = await client.obtainTokens()
    const answer = await client.introspect(tokens.access_token, [files.clientId, files.clientSecret])
    expect(answer).toMatchObject({ status: 200, json: { active: false } })
    expect(Object.keys(answer.json)).toEqual(['active'])
  })

  it('of a refresh token says inactive', async () => {
    const { client } = await start()
    const { tokens } = await client.obtainTokens()
    expect((await client.introspect(tokens.refresh_token)).json).toEqual({ active: false })
  })

  it('by the client that has the token says inactive: it is no resource server', async () => {
    const { client } = await start()
    const { json } = await client.register({ token_endpoint_auth_method: 'client_secret_basic' })
    const { fields } = await client.obtainCode(json.client_id)
    const authorization = basic(json.client_id, json.client_secret)
    const { json: tokens } = await client.token({ ...fields, client_id: undefined }, { authorization })
    const answer = await client.introspect(tokens.access_token, [json.client_id, json.client_secret])
    expect(answer).toMatchObject({ status: 200, json: { active: false } })
  })

  it.each([
    ['no credentials', {}, {}],
    ['a wrong secret', {}, { authorization: basic(RS.id, 'wrong') }],
    ['an unknown client', {}, { authorization: basic('nobody', 'x') }],
    ['a client id without a secret', { client_id: RS.id }, {}],
  ])('with %s is 401, whether the token exists or not', async (_name, fields, headers) => {
    const { client } = await start()
    const { tokens } = await client.obtainTokens()
    for (const token of [tokens.access_token, 'unknown']) {
      const answer = await client.form('/oauth/introspect', { token, ...fields }, headers as Record<string, string>)
      expect(answer).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
  })

  it('by a public client is 401', async () => {
    const { client } = await start()
    const { clientId, tokens } = await client.obtainTokens()
    const answer = await client.form('/oauth/introspect', { token: tokens.access_token, client_id: clientId })
    expect(answer.status).toBe(401)
  })

  it('of a token whose lifetime is over says inactive', async () => {
    const { client } = await start({ lifetimes: { accessToken: 30 } })
    const { tokens } = await client.obtainTokens()
    expect((await client.introspect(tokens.access_token)).json.active).toBe(true)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 })
    expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
  })
})

describe('revocation', () => {
  it.each(['access_token', 'refresh_token'] as const)('of the %s shows in introspection at once', async kind => {
    const { client } = await start()
    const { clientId, tokens } = await client.obtainTokens()
    const { status } = await client.form('/oauth/revoke', { token: tokens[kind], client_id: clientId })
    expect(status).toBe(200)
    expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
    expect((await client.refresh(clientId, tokens.refresh_token)).json.error).toBe('invalid_grant')
  })

  it('by another client does nothing', async () => {
    const { client } = await start()
    const { tokens } = await client.obtainTokens()
    const { json } = await client.register()
    await client.form('/oauth/revoke', { token: tokens.access_token, client_id: json.client_id })
    expect((await client.introspect(tokens.access_token)).json.active).toBe(true)
  })
})
