import { describe, expect, it } from 'vitest'
import { createBrowser, signIn } from '../support/browser.ts'
import { basic, createClient, files, notes, RS, startWithClient as start, startServer, type Tokens } from './support.ts'

/** A server that anybody may use as a whole who has signed in. */
const open = { ...notes, name: 'Clock', scopes: {}, defaultScopes: [] }
const noScope = { scope: undefined }

describe('a server without scopes', () => {
  it.each(['opaque', 'jwt'] as const)('can be signed in to, for %s tokens', async accessTokenFormat => {
    const { client } = await start({ resources: [open], accessTokenFormat })
    const { tokens } = await client.obtainTokens(noScope)
    expect(tokens).toMatchObject({ token_type: 'Bearer', access_token: expect.any(String) })
    expect(tokens.scope ?? '').toBe('')
    if (accessTokenFormat === 'opaque') {
      const { json } = await client.introspect(tokens.access_token)
      expect(json).toMatchObject({ active: true, aud: open.resource, sub: 'ada', username: 'ada' })
      expect(json.scope ?? '').toBe('')
    } else {
      const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString())
      expect(claims).toMatchObject({ aud: open.resource, sub: 'ada' })
    }
  })

  it('has a consent page that names it and can be allowed', async () => {
    const { client } = await start({ resources: [open] })
    const { json } = await client.register()
    const browser = createBrowser()
    const { url } = client.authorizeUrl(json.client_id, noScope)
    const people = await browser.open(url)
    expect(people.text).not.toContain('may grant')
    const consent = await browser.submit(people, 'user', { user: 'cleo' })
    expect(consent.text).toContain('<strong><bdi>Clock</bdi></strong>')
    expect(consent.text).toContain('value="allow"')
    expect(consent.text).not.toContain('It will be able to')
    await expect(
      signIn(client.authorizeUrl(json.client_id, noScope).url, { decision: 'deny' }),
    ).resolves.toHaveProperty('search', expect.stringContaining('access_denied'))
  })

  it('gives a refresh what there was, again and again', async () => {
    const { client } = await start({ resources: [open] })
    const { clientId, tokens } = await client.obtainTokens(noScope)
    let last: Tokens = tokens
    for (let round = 0; round < 2; round++) {
      const { status, json } = await client.refresh(clientId, last.refresh_token)
      expect(status).toBe(200)
      last = json
    }
    expect((await client.introspect(last.access_token)).json).toMatchObject({ active: true, aud: open.resource })
  })

  it('passes over the scopes of other servers that a client asks for', async () => {
    const { client } = await start({ resources: [open] })
    const { tokens } = await client.obtainTokens({ scope: 'mail:read offline_access' })
    expect(tokens.scope ?? '').not.toContain('mail')
    expect((await client.introspect(tokens.access_token)).json.active).toBe(true)
  })

  it('gives an ID token to a client that asks for openid', async () => {
    const { client } = await start({ resources: [open] })
    const { tokens } = await client.obtainTokens({ scope: 'openid' })
    expect(tokens).toMatchObject({ id_token: expect.any(String) })
  })

  it('gives machines a token', async () => {
    const machine = {
      client_id: 'nightly',
      client_secret: 'the-secret-of-the-nightly-job',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    }
    const { client } = await start({ resources: [open], clients: [machine] })
    const { status, json } = await client.token(
      { grant_type: 'client_credentials' },
      { authorization: basic(machine.client_id, machine.client_secret) },
    )
    expect(status).toBe(200)
    expect((await client.introspect(json.access_token)).json).toMatchObject({ active: true, sub: 'nightly' })
  })

  it('stands beside servers that have scopes, and their tokens stay apart', async () => {
    const { origin } = await startServer({ resources: [open, files] })
    const client = createClient(origin)
    const { tokens } = await client.obtainTokens(noScope)
    const other = await client.obtainTokens({ resource: files.resource, scope: undefined })
    expect(other.tokens.scope).toBe('files:read')
    const asFiles: [string, string] = [files.clientId, files.clientSecret]
    expect((await client.introspect(tokens.access_token, [RS.id, RS.secret])).json.active).toBe(true)
    expect((await client.introspect(tokens.access_token, asFiles)).json).toEqual({ active: false })
    expect((await client.introspect(other.tokens.access_token)).json).toEqual({ active: false })
    expect((await client.introspect(other.tokens.access_token, asFiles)).json.active).toBe(true)
  })

  it('does not lend its lack of scopes to a server that has some', async () => {
    const { client } = await start({ resources: [notes] })
    await expect(client.obtainTokens({ scope: 'notes:admin' }, 'cleo')).rejects.toThrow('error=access_denied')
  })
})

describe('the scopes of a request that names none', () => {
  const resources = [{ ...notes, signInScopes: ['notes:read', 'notes:write'] }]

  it('are the sign-in scopes of the server', async () => {
    const { client } = await start({ resources })
    expect((await client.obtainTokens(noScope)).tokens.scope).toBe('notes:read notes:write')
    expect((await client.obtainTokens({ scope: 'profile' })).tokens.scope).toBe('notes:read notes:write')
    expect((await client.obtainTokens({ scope: 'notes:read' })).tokens.scope).toBe('notes:read')
  })

  it('are the default ones without sign-in scopes', async () => {
    const { client } = await start()
    expect((await client.obtainTokens(noScope)).tokens.scope).toBe('notes:read')
  })

  it('stay the default ones for machines, which nobody signs in', async () => {
    const { client } = await start({ resources })
    const { json: registered } = await client.register({
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    })
    const authorization = basic(registered.client_id, registered.client_secret)
    const { json } = await client.token({ grant_type: 'client_credentials' }, { authorization })
    expect(json.scope).toBe('notes:read')
  })

  it('do not change what the people of the demo may grant', async () => {
    const { client } = await start({ resources })
    expect((await client.obtainTokens(noScope, 'cleo')).tokens.scope).toBe('notes:read')
  })
})
