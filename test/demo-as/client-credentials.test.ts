import { describe, expect, it } from 'vitest'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import { basic, RESOURCE, RS, startWithClient as start } from './support.ts'

describe('client_credentials', () => {
  const machine = {
    client_id: 'nightly',
    client_secret: 'nightly-job-secret+/%',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    scope: 'notes:read notes:admin',
  }
  const authorization = basic(machine.client_id, machine.client_secret)
  const grant_type = 'client_credentials'

  it('gives a client set up beforehand the scopes that it asks for', async () => {
    const { origin, client } = await start({ clients: [machine as never] })
    const { status, json } = await client.token(
      { grant_type, scope: 'notes:admin', resource: RESOURCE },
      { authorization },
    )
    expect(status).toBe(200)
    expect(json).toMatchObject({ token_type: 'Bearer', scope: 'notes:admin' })
    expect(json).not.toHaveProperty('refresh_token')
    expect((await client.introspect(json.access_token)).json).toEqual({
      active: true,
      iss: origin,
      aud: RESOURCE,
      sub: 'nightly',
      client_id: 'nightly',
      scope: 'notes:admin',
      token_type: 'Bearer',
      iat: expect.any(Number),
      exp: expect.any(Number),
    })
  })

  it.each([
    ['all that it may have when it asks for none', undefined, 'notes:read notes:admin'],
    ['what is known of what it asks for', 'notes:read email', 'notes:read'],
  ])('gives it %s', async (_name, scope, granted) => {
    const { client } = await start({ clients: [machine as never] })
    expect((await client.token({ grant_type, scope }, { authorization })).json.scope).toBe(granted)
  })

  it('refuses it a scope that it was not set up with', async () => {
    const { client } = await start({ clients: [machine as never] })
    const refused = await client.token({ grant_type, scope: 'notes:write' }, { authorization })
    expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_scope' } })
  })

  it('refuses it another resource', async () => {
    const { client } = await start({ clients: [machine as never] })
    const refused = await client.token({ grant_type, resource: 'https://elsewhere.example.com' }, { authorization })
    expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_target' } })
  })

  it('gives a client that registered itself the default scopes and no more', async () => {
    const { client } = await start()
    const { status, json } = await client.register({
      redirect_uris: undefined,
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
      scope: 'notes:admin',
    })
    expect(status).toBe(201)
    const own = { authorization: basic(json.client_id, json.client_secret) }
    expect((await client.token({ grant_type }, own)).json.scope).toBe('notes:read')
    expect((await client.token({ grant_type, scope: 'notes:admin' }, own)).json.error).toBe('invalid_scope')
  })

  it('reads no scope but that of the configuration, whatever the record of a client holds', async () => {
    const stores = createMemoryStores()
    const { client } = await start({ stores })
    const { json } = await client.register({
      redirect_uris: undefined,
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    })
    const clients = stores('Client')
    const record = await clients.get<object>(json.client_id)
    await clients.set(json.client_id, { ...record, scope: 'notes:read notes:admin' }, 60)
    const own = { authorization: basic(json.client_id, json.client_secret) }
    expect((await client.token({ grant_type }, own)).json.scope).toBe('notes:read')
    expect((await client.token({ grant_type, scope: 'notes:admin' }, own)).json.error).toBe('invalid_scope')
  })

  it.each([
    ['offline_access only', 'offline_access', 'notes:read notes:admin'],
    ['offline_access as well', 'offline_access notes:admin', 'notes:admin'],
    ['one scope twice, with spaces too many', ' notes:admin  notes:admin ', 'notes:admin'],
  ])('passes over what is no scope of the resource: %s', async (_name, scope, granted) => {
    const { client } = await start({ clients: [machine as never] })
    const { status, json } = await client.token({ grant_type, scope }, { authorization })
    expect({ status, scope: json.scope }).toEqual({ status: 200, scope: granted })
  })

  it('is refused to a client without credentials, which anybody could pose as', async () => {
    const { client } = await start()
    const { json } = await client.register({
      grant_types: ['authorization_code', 'client_credentials'],
      token_endpoint_auth_method: 'none',
    })
    const refused = await client.token({ grant_type, client_id: json.client_id })
    expect(refused).toMatchObject({ status: 400, json: { error: 'unauthorized_client' } })
  })

  it('is nothing for a public client that did not register for it', async () => {
    const { client } = await start()
    const { json } = await client.register()
    const refused = await client.token({ grant_type, client_id: json.client_id })
    expect(refused).toMatchObject({ status: 400, json: { error: 'unauthorized_client' } })
  })

  it('is nothing for the credentials of a resource server', async () => {
    const { client } = await start()
    const refused = await client.token({ grant_type }, { authorization: basic(RS.id, RS.secret) })
    expect(refused).toMatchObject({ status: 400, json: { error: 'unauthorized_client' } })
  })
})
