import { afterEach, describe, expect, it, vi } from 'vitest'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import { RESOURCE, startWithClient } from './support.ts'

afterEach(() => void vi.useRealTimers())

/** What was issued before the leak, by a server that was then started again over the same store. */
async function startTwice(accessTokenFormat: 'opaque' | 'jwt' = 'opaque') {
  const stores = createMemoryStores()
  const before = await startWithClient({ stores, accessTokenFormat })
  const restart = () =>
    startWithClient({ stores, accessTokenFormat, issuer: before.origin, revokedBefore: new Date(Date.now()) })
  return { before: before.client, restart }
}

/** Lets time pass for everything that reads the clock; timers go on as they are. */
function pass(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

describe('what was issued before the time of a revocation', () => {
  it('an access token is inactive', async () => {
    const { before, restart } = await startTwice()
    const { tokens } = await before.obtainTokens()
    expect((await before.introspect(tokens.access_token)).json.active).toBe(true)
    pass(5)
    const { client } = await restart()
    expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
  })

  it('a token of a client itself is inactive', async () => {
    const { before, restart } = await startTwice()
    const { json: machine } = await before.register({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    })
    const { json } = await before.token({
      grant_type: 'client_credentials',
      client_id: machine.client_id,
      client_secret: machine.client_secret,
      resource: RESOURCE,
    })
    expect((await before.introspect(json.access_token)).json.active).toBe(true)
    pass(5)
    const { client } = await restart()
    expect((await client.introspect(json.access_token)).json).toEqual({ active: false })
  })

  it.each(['opaque', 'jwt'] as const)('a refresh token beside %s ones is invalid_grant', async format => {
    const { before, restart } = await startTwice(format)
    const { clientId, tokens } = await before.obtainTokens()
    pass(5)
    const { client } = await restart()
    expect(await client.refresh(clientId, tokens.refresh_token)).toMatchObject({
      status: 400,
      json: { error: 'invalid_grant' },
    })
  })

  it('a refresh token is invalid_grant though its answer could be given again', async () => {
    const { before, restart } = await startTwice()
    const { clientId, tokens } = await before.obtainTokens()
    expect((await before.refresh(clientId, tokens.refresh_token)).status).toBe(200)
    expect((await before.refresh(clientId, tokens.refresh_token)).status).toBe(200)
    pass(5)
    const { client } = await restart()
    expect(await client.refresh(clientId, tokens.refresh_token)).toMatchObject({
      status: 400,
      json: { error: 'invalid_grant' },
    })
  })

  it('a refresh token that was rotated since goes with the grant it stems from', async () => {
    const { before, restart } = await startTwice()
    const { clientId, tokens } = await before.obtainTokens()
    pass(5)
    const { client } = await restart()
    pass(5)
    // A process that has not been told yet.
    const { json: rotated } = await before.refresh(clientId, tokens.refresh_token)
    expect((await before.introspect(rotated.access_token)).json.active).toBe(true)
    expect((await client.introspect(rotated.access_token)).json).toEqual({ active: false })
    expect((await client.refresh(clientId, rotated.refresh_token)).json.error).toBe('invalid_grant')
  })

  it('a code is invalid_grant', async () => {
    const { before, restart } = await startTwice()
    const { json: registered } = await before.register()
    const { fields } = await before.obtainCode(registered.client_id)
    pass(5)
    const { client } = await restart()
    expect(await client.token(fields)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  })

  it('clients are still known, and what is issued from then on is good', async () => {
    const { before, restart } = await startTwice()
    const { json: registered } = await before.register()
    pass(5)
    const { client } = await restart()
    pass(5)
    const { fields } = await before.obtainCode(registered.client_id)
    const { json: tokens } = await client.token(fields)
    expect((await client.introspect(tokens.access_token)).json.active).toBe(true)
    expect((await client.refresh(registered.client_id, tokens.refresh_token)).status).toBe(200)
  })
})
