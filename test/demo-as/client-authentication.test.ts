import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { basic, type createClient, distantStores, startWithClient as start } from './support.ts'

describe('client authentication of a confidential client', () => {
  const wrong = [
    ['none', {}, undefined],
    ['a wrong secret by header', {}, 'wrong'],
    ['a wrong secret in the body', { client_secret: 'wrong' }, undefined],
  ] as const
  const grants = ['authorization_code', 'refresh_token', 'client_credentials', 'device_code'] as const

  describe.each(grants)('at %s', grant => {
    it.each(wrong)('by %s is invalid_client 401', async (_name, body, secret) => {
      const { client } = await start()
      const { json: registered } = await client.register({
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: [
          'authorization_code',
          'refresh_token',
          'client_credentials',
          'urn:ietf:params:oauth:grant-type:device_code',
        ],
      })
      const right = { authorization: basic(registered.client_id, registered.client_secret) }
      const fields = await fieldsOf(grant, client, registered.client_id, right)
      const headers = secret ? { authorization: basic(registered.client_id, secret) } : undefined
      const refused = await client.token({ ...fields, client_id: registered.client_id, ...body }, headers)
      expect(refused).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
      // The same request with the right secret gets as far as the grant.
      const accepted = await client.token(fields, right)
      expect(accepted.json.error).toBe(grant === 'device_code' ? 'authorization_pending' : undefined)
    })
  })

  async function fieldsOf(
    grant: (typeof grants)[number],
    client: ReturnType<typeof createClient>,
    clientId: string,
    headers: Record<string, string>,
  ): Promise<Record<string, string | undefined>> {
    if (grant === 'client_credentials') return { grant_type: grant }
    if (grant === 'device_code') {
      const { json } = await client.form('/oauth/device_authorization', {}, headers)
      return { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: json.device_code }
    }
    const { fields } = await client.obtainCode(clientId)
    const code = { ...fields, client_id: undefined }
    if (grant === 'authorization_code') return code
    const { json } = await client.token(code, headers)
    return { grant_type: grant, refresh_token: json.refresh_token }
  }

  it('accepts the secret in the body as well', async () => {
    const { client } = await start()
    const { json } = await client.register({ token_endpoint_auth_method: 'client_secret_post' })
    const { fields } = await client.obtainCode(json.client_id)
    expect((await client.token({ ...fields, client_secret: json.client_secret })).status).toBe(200)
  })

  it('of a client that is unknown is invalid_client 401, so that it registers anew', async () => {
    const { client } = await start()
    const refused = await client.refresh('gone', 'x')
    expect(refused).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
    expect(refused.headers.get('cache-control')).toBe('no-store')
  })
})

type SigningKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']

describe('private_key_jwt', () => {
  const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

  /** A machine that signs, and the fields with which it asks for a token. */
  async function signer(changes: { aud?: string; key?: SigningKey; life?: string } = {}) {
    const { origin, client } = await start({ stores: distantStores() })
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const { json } = await client.register({
      grant_types: ['client_credentials'],
      redirect_uris: undefined,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' }] },
    })
    const client_assertion = await new SignJWT()
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(json.client_id)
      .setSubject(json.client_id)
      .setAudience(changes.aud ?? origin)
      .setJti(randomUUID())
      .setExpirationTime(changes.life ?? '1 minute')
      .sign(changes.key ?? privateKey)
    return { client, fields: { grant_type: 'client_credentials', client_assertion_type, client_assertion } }
  }

  it('authenticates a client by its registered key', async () => {
    const { client, fields } = await signer()
    expect(await client.token(fields)).toMatchObject({ status: 200, json: { scope: 'notes:read' } })
  })

  it('takes an assertion once, of ten requests at the same moment too', async () => {
    const { client, fields } = await signer()
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.token(fields)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await client.token(fields)).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
  })

  it('takes one that is good for an hour, and none that is good for longer', async () => {
    const [hour, years] = [await signer({ life: '1 hour' }), await signer({ life: '10 years' })]
    expect(await hour.client.token(hour.fields)).toMatchObject({ status: 200 })
    expect(await years.client.token(years.fields)).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
  })

  it.each([
    ['for another server', async () => ({ aud: 'https://elsewhere.example.com' })],
    ['by another key', async () => ({ key: (await generateKeyPair('ES256')).privateKey })],
  ])('refuses an assertion %s', async (_name, changes) => {
    const { client, fields } = await signer(await changes())
    expect(await client.token(fields)).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
  })
})
