import { describe, expect, it } from 'vitest'
import { signIn } from '../support/browser.ts'
import { createClient, REDIRECT, RESOURCE, startServer } from './support.ts'

describe('the authorization code flow', () => {
  it('issues tokens that the resource server can introspect, after sign-in and consent', async () => {
    const { origin } = await startServer()
    const client = createClient(origin)
    const { clientId, tokens } = await client.obtainTokens()
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'notes:read notes:write' })
    const { status, json } = await client.introspect(tokens.access_token)
    expect(status).toBe(200)
    expect(json).toEqual({
      active: true,
      iss: origin,
      aud: RESOURCE,
      sub: 'ada',
      username: 'ada',
      client_id: clientId,
      scope: 'notes:read notes:write',
      token_type: 'Bearer',
      iat: expect.any(Number),
      exp: json.iat + 3600,
    })
  })

  it('sends code, state and iss to the client when the user allows', async () => {
    const { origin } = await startServer()
    const client = createClient(origin)
    const { json } = await client.register()
    const callback = await signIn(client.authorizeUrl(json.client_id).url)
    expect(callback.href.split('?')[0]).toBe(REDIRECT)
    expect(Object.fromEntries(callback.searchParams)).toEqual({
      code: expect.stringMatching(/^[\w-]{43}$/),
      state: 'af0ifjsldkj',
      iss: origin,
    })
  })

  it('sends access_denied, state and iss to the client when the user refuses', async () => {
    const { origin } = await startServer()
    const client = createClient(origin)
    const { json } = await client.register()
    const callback = await signIn(client.authorizeUrl(json.client_id).url, { decision: 'deny' })
    expect(Object.fromEntries(callback.searchParams)).toEqual({
      error: 'access_denied',
      error_description: 'The user refused.',
      state: 'af0ifjsldkj',
      iss: origin,
    })
  })
})
