import { randomUUID } from 'node:crypto'
import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { createIssuerKeys } from '../../demo-as/identity-assertions.ts'
import type { AssertionIssuer, AuthorizationServerOptions } from '../../demo-as/server.ts'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import { listen } from '../support/http.ts'
import { createProofHolder } from '../support/proof-holder.ts'
import { basic, distantStores, type Event, files, notes, RESOURCE, startWithClient } from './support.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const IDP = 'https://acme.idp.example'
const agent = {
  client_id: 'agent',
  client_secret: 'agent-secret-0123456789',
  grant_types: [GRANT],
  response_types: [],
  redirect_uris: [],
}
const authorization = basic(agent.client_id, agent.client_secret)

let idp: Awaited<ReturnType<typeof createIdp>>
beforeAll(async () => {
  idp = await createIdp()
})

async function createIdp() {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }
  return { privateKey, jwks }
}

function issuer(changes: Partial<AssertionIssuer> = {}): AssertionIssuer {
  return {
    issuer: IDP,
    keys: createLocalJWKSet(idp.jwks),
    identify: ({ sub }) =>
      sub === 'stranger'
        ? { outcome: 'not_allowed', words: 'speaks of somebody who may not enter', reason: 'not listed' }
        : {
            outcome: 'signed_in',
            user: { subject: `acme:${sub}`, username: 'ada', name: 'Ada', scopes: ['notes:read', 'notes:write'] },
          },
    ...changes,
  }
}

const start = (options: Partial<AuthorizationServerOptions> = {}) =>
  startWithClient({ clients: [agent as never], assertionIssuers: [issuer()], ...options })

/** An assertion that is good for this server, with changes; `undefined` leaves a claim out. */
function assertion(
  audience: string,
  changes: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key = idp.privateKey,
) {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: IDP,
    sub: 'U019488227',
    aud: audience,
    client_id: 'agent',
    jti: randomUUID(),
    iat: now,
    exp: now + 300,
    resource: RESOURCE,
    scope: 'notes:read notes:admin',
    ...changes,
  }
  return new SignJWT(JSON.parse(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'ES256', kid: 'k', typ: 'oauth-id-jag+jwt', ...header })
    .sign(key)
}

/** What the log says of the request that was refused; the client is told less. */
const reasonIn = (events: readonly Event[]) => events.find(({ event }) => event === 'token_refused')?.facts.detail

async function metadataOf(origin: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${origin}/.well-known/oauth-authorization-server`)
  return (await response.json()) as Record<string, unknown>
}

describe('an identity assertion (ID-JAG)', () => {
  it('gives a token for its user, with what issuer, user and resource have in common, and no refresh token', async () => {
    const { origin, client } = await start()
    const { status, json } = await client.token(
      { grant_type: GRANT, assertion: await assertion(origin) },
      { authorization },
    )
    expect(status).toBe(200)
    expect(json).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'notes:read',
    })
    expect((await client.introspect(json.access_token)).json).toMatchObject({
      active: true,
      aud: RESOURCE,
      sub: 'acme:U019488227',
      username: 'ada',
      client_id: 'agent',
      scope: 'notes:read',
    })
  })

  it('is taken from a client that authenticates by private_key_jwt, for a JWT as well', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const { client_secret: _none, ...rest } = agent
    const keyed = {
      ...rest,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [await exportJWK(publicKey)] },
    }
    const { origin, client } = await start({ clients: [keyed as never], accessTokenFormat: 'jwt' })
    const client_assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('agent')
      .setSubject('agent')
      .setAudience(origin)
      .setIssuedAt()
      .setExpirationTime('1 minute')
      .sign(privateKey)
    const { json } = await client.token({
      grant_type: GRANT,
      assertion: await assertion(origin),
      client_assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    const claims = JSON.parse(Buffer.from(json.access_token.split('.')[1], 'base64url').toString())
    expect(claims).toMatchObject({ iss: origin, aud: RESOURCE, sub: 'acme:U019488227', client_id: 'agent' })
  })

  describe('with a proof of possession (DPoP)', () => {
    const now = () => Math.floor(Date.now() / 1000)

    it('gives a token that is bound to its key', async () => {
      const { origin, client } = await start()
      const { jkt, prove } = await createProofHolder()
      const DPoP = await prove(`${origin}/oauth/token?a=b`)
      const fields = { grant_type: GRANT, assertion: await assertion(origin) }
      const { json } = await client.token(fields, { authorization, DPoP })
      expect(json.token_type).toBe('DPoP')
      expect((await client.introspect(json.access_token)).json).toMatchObject({ active: true, cnf: { jkt } })
    })

    it.each([
      ['for another method', { htm: 'GET' }, undefined, 'invalid_dpop_proof'],
      ['for another URL', { htu: 'https://elsewhere.example/oauth/token' }, undefined, 'invalid_dpop_proof'],
      ['of another type', {}, 'JWT', 'invalid_dpop_proof'],
      ['without jti', { jti: undefined }, undefined, 'invalid_dpop_proof'],
      ['of an hour ago', { iat: now() - 3600 }, undefined, 'invalid_dpop_proof'],
      ['of the next hour', { iat: now() + 3600 }, undefined, 'invalid_dpop_proof'],
    ])('is refused where that is one %s, and is still good afterwards', async (_name, claims, typ, error) => {
      const { origin, client } = await start()
      const { prove } = await createProofHolder()
      const htu = `${origin}/oauth/token`
      const fields = { grant_type: GRANT, assertion: await assertion(origin) }
      const bad = await prove(htu, undefined, claims, typ)
      const refused = await client.token(fields, { authorization, DPoP: bad })
      expect(refused).toMatchObject({ status: 400, json: { error } })
      expect((await client.token(fields, { authorization, DPoP: await prove(htu) })).status).toBe(200)
    })

    it('is refused where that was used before, or is missing though the client is registered for it', async () => {
      const bound = { ...agent, dpop_bound_access_tokens: true }
      const { origin, client } = await start({ clients: [bound as never] })
      const { prove } = await createProofHolder()
      const DPoP = await prove(`${origin}/oauth/token`)
      const ask = async (headers: Record<string, string>) =>
        client.token({ grant_type: GRANT, assertion: await assertion(origin) }, { authorization, ...headers })
      expect(await ask({})).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
      expect((await ask({ DPoP })).status).toBe(200)
      expect(await ask({ DPoP })).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    })
  })

  it.each([
    ['asks for less', { scope: 'notes:read notes:write' }, { scope: 'notes:write' }, 'notes:write'],
    ['and the assertion name none: the default', { scope: undefined }, {}, 'notes:read'],
  ])('gives a narrower scope where the client %s', async (_name, claims, fields, scope) => {
    const { origin, client } = await start()
    const fieldsOf = { grant_type: GRANT, assertion: await assertion(origin, claims), ...fields }
    expect((await client.token(fieldsOf, { authorization })).json.scope).toBe(scope)
  })

  it.each([
    ['refresh tokens as well', 'notes:write offline_access', 'notes:write'],
    ['what this server does not know', 'profile email', 'notes:read'],
  ])('passes over %s in what the client asks for', async (_name, asked, scope) => {
    const { origin, client } = await start()
    const fields = { grant_type: GRANT, assertion: await assertion(origin, { scope: undefined }), scope: asked }
    expect((await client.token(fields, { authorization })).json.scope).toBe(scope)
  })

  it('of a client that registered itself gives what the issuer names, and otherwise the default scopes at most', async () => {
    const { origin, client } = await start()
    const { json } = await client.register({
      redirect_uris: undefined,
      grant_types: [GRANT],
      token_endpoint_auth_method: 'client_secret_basic',
      scope: 'notes:write',
    })
    const own = { authorization: basic(json.client_id, json.client_secret) }
    const ask = async (asserted: string | undefined, scope: string | undefined) => {
      const given = await assertion(origin, { client_id: json.client_id, scope: asserted })
      return (await client.token({ grant_type: GRANT, assertion: given, scope }, own)).json
    }
    expect((await ask(undefined, undefined)).scope).toBe('notes:read')
    expect((await ask(undefined, 'notes:read notes:write')).scope).toBe('notes:read')
    expect((await ask(undefined, 'notes:write')).error).toBe('invalid_scope')
    expect((await ask('notes:read notes:write', 'notes:write')).scope).toBe('notes:write')
  })

  it('is announced in the metadata, and only where an issuer is trusted', async () => {
    const { origin } = await start()
    const metadata = await metadataOf(origin)
    expect(metadata.grant_types_supported).toContain(GRANT)
    expect(metadata.authorization_grant_profiles_supported).toEqual(['urn:ietf:params:oauth:grant-profile:id-jag'])
    const { origin: other } = await startWithClient()
    const without = await metadataOf(other)
    expect(without.grant_types_supported).not.toContain(GRANT)
    expect(without).not.toHaveProperty('authorization_grant_profiles_supported')
  })

  const past = Math.floor(Date.now() / 1000) - 7200
  it.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['of an issuer that is not trusted', { iss: 'https://evil.example' }, {}, 'that this server does not trust'],
    ['of a trusted issuer with a slash added', { iss: `${IDP}/` }, {}, 'that this server does not trust'],
    ['for another audience', { aud: 'https://elsewhere.example' }, {}, 'aud that does not fit'],
    ['for another client', { client_id: 'somebody-else' }, {}, 'for another client'],
    ['without a client', { client_id: undefined }, {}, 'client_id that does not fit'],
    ['without a subject', { sub: undefined }, {}, 'sub that does not fit'],
    ['with an empty subject', { sub: '' }, {}, 'sub that does not fit'],
    ['whose subject is null', { sub: null }, {}, 'sub that does not fit'],
    ['whose subject is a number', { sub: 7 }, {}, 'sub that does not fit'],
    ['whose subject is a list', { sub: ['U019488227'] }, {}, 'sub that does not fit'],
    ['without jti', { jti: undefined }, {}, 'jti that does not fit'],
    ['without exp', { exp: undefined }, {}, 'exp that does not fit'],
    ['that has expired', { iat: past, exp: past + 300 }, {}, 'expired'],
    ['that is valid for days', { exp: Math.floor(Date.now() / 1000) + 200_000 }, {}, 'valid for too long'],
    ['of the future', { iat: Math.floor(Date.now() / 1000) + 600 }, {}, 'iat that does not fit'],
    ['with a scope that is not text', { scope: ['notes:read'] }, {}, 'scope that does not fit'],
    ['of another type', {}, { typ: 'JWT' }, 'typ that does not fit'],
    ['that is a client assertion or an access token', {}, { typ: 'at+jwt' }, 'typ that does not fit'],
    ['of somebody who may not enter', { sub: 'stranger' }, {}, 'who may not enter'],
  ])('is refused with invalid_grant when it is one %s', async (_name, claims, header, why) => {
    const { origin, events, client } = await start()
    const fields = { grant_type: GRANT, assertion: await assertion(origin, claims, header) }
    const { status, json } = await client.token(fields, { authorization })
    expect({ status, error: json.error }).toEqual({ status: 400, error: 'invalid_grant' })
    expect(reasonIn(events)).toContain(why)
  })

  it('is refused when it is for this server and a stranger', async () => {
    const { origin, events, client } = await start()
    const both = await assertion(origin, { aud: [origin, 'https://elsewhere.example'] })
    const { json } = await client.token({ grant_type: GRANT, assertion: both }, { authorization })
    expect(json.error).toBe('invalid_grant')
    expect(reasonIn(events)).toContain('for others as well')
  })

  it('is refused when it is signed by another key, not at all, or with the public key as a secret', async () => {
    const { origin, client } = await start()
    const stranger = await createIdp()
    const good = await assertion(origin)
    const [, claims] = good.split('.')
    const unsigned = `${Buffer.from('{"alg":"none","typ":"oauth-id-jag+jwt"}').toString('base64url')}.${claims}.`
    const secret = Buffer.from(JSON.stringify(idp.jwks.keys[0]))
    const symmetric = await assertion(origin, {}, { alg: 'HS256' }, secret as never)
    for (const forged of [await assertion(origin, {}, {}, stranger.privateKey), unsigned, symmetric]) {
      const { status, json } = await client.token({ grant_type: GRANT, assertion: forged }, { authorization })
      expect({ status, error: json.error }).toEqual({ status: 400, error: 'invalid_grant' })
    }
  })

  it.each(['garbage', 'a.b.c', `a.${Buffer.from('"text"').toString('base64url')}.c`, '..'])(
    'is refused when it is %s',
    async garbage => {
      const { client } = await start()
      const { status, json } = await client.token({ grant_type: GRANT, assertion: garbage }, { authorization })
      expect({ status, error: json.error }).toEqual({ status: 400, error: 'invalid_grant' })
    },
  )

  it('is refused from a public client, and from one that was not set up for it', async () => {
    const open = { ...agent, client_id: 'open', client_secret: undefined, token_endpoint_auth_method: 'none' }
    const browser = { ...agent, client_id: 'browser', grant_types: ['client_credentials'] }
    const { origin, client } = await start({ clients: [open, browser] as never })
    const asOpen = await assertion(origin, { client_id: 'open' })
    expect((await client.token({ grant_type: GRANT, assertion: asOpen, client_id: 'open' })).json).toMatchObject({
      error: 'unauthorized_client',
    })
    const asBrowser = await assertion(origin, { client_id: 'browser' })
    const refused = await client.token(
      { grant_type: GRANT, assertion: asBrowser },
      { authorization: basic('browser', agent.client_secret) },
    )
    expect(refused.json).toMatchObject({ error: 'unauthorized_client' })
  })

  it('is refused without the credentials of the client, as every grant is (GHSA-pw9m-5jxm-xr6h)', async () => {
    const { origin, client } = await start()
    const fields = { grant_type: GRANT, assertion: await assertion(origin), client_id: 'agent' }
    expect(await client.token(fields)).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
  })

  it('is refused for a resource that this server does not know, and for another than it names', async () => {
    const { origin, client } = await start({ resources: [notes, files] })
    const unknown = await assertion(origin, { resource: 'https://elsewhere.example' })
    expect((await client.token({ grant_type: GRANT, assertion: unknown }, { authorization })).json.error).toBe(
      'invalid_target',
    )
    const forNotes = await assertion(origin)
    const widened = { grant_type: GRANT, assertion: forNotes, resource: files.resource }
    expect((await client.token(widened, { authorization })).json.error).toBe('invalid_target')
    // Not spent by that.
    expect((await client.token({ grant_type: GRANT, assertion: forNotes }, { authorization })).status).toBe(200)
  })

  it('is refused when nothing that it asks for can be granted', async () => {
    const { origin, client } = await start()
    const admin = await assertion(origin, { scope: 'notes:admin' })
    const { json } = await client.token({ grant_type: GRANT, assertion: admin }, { authorization })
    expect(json.error).toBe('invalid_scope')
  })

  it('is taken once, also when two processes see it at once', async () => {
    const stores = distantStores()
    const one = await start({ stores })
    const other = await startWithClient({
      clients: [agent as never],
      assertionIssuers: [issuer()],
      stores,
      issuer: one.origin,
    })
    const fields = { grant_type: GRANT, assertion: await assertion(one.origin) }
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? one : other).client.token(fields, { authorization })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ json }) => json.error === 'invalid_grant')).toHaveLength(19)
  })

  it('is answered with 503 while its issuer cannot be asked for keys, and taken when it can', async () => {
    let down = true
    const { origin: idpOrigin, close } = await listen((_req, res) => {
      if (down) res.writeHead(500).end()
      else res.setHeader('content-type', 'application/json').end(JSON.stringify(idp.jwks))
    })
    const keys = createIssuerKeys(async () => `${idpOrigin}/jwks`, { fetch, timeoutSeconds: 5 })
    const { origin, client } = await start({ assertionIssuers: [issuer({ keys })] })
    const fields = { grant_type: GRANT, assertion: await assertion(origin) }
    const refused = await client.token(fields, { authorization })
    expect(refused).toMatchObject({ status: 503, json: { error: 'temporarily_unavailable' } })
    expect(refused.headers.get('retry-after')).toBe('5')
    down = false
    expect((await client.token(fields, { authorization })).status).toBe(200)
    await close()
  })

  it('leaves no assertion in the store or the log', async () => {
    const seen: string[] = []
    const memory = createMemoryStores()
    const stores = (collection: string) => {
      const store = memory(collection)
      const set: typeof store.set = (key, value, seconds) => {
        seen.push(JSON.stringify([key, value]))
        return store.set(key, value, seconds)
      }
      return { ...store, set }
    }
    const { origin, events, client } = await start({ stores })
    const given = await assertion(origin)
    await client.token({ grant_type: GRANT, assertion: given }, { authorization })
    expect(seen.join() + JSON.stringify(events)).not.toContain(given.split('.')[2])
    expect(events).toContainEqual({
      event: 'assertion_accepted',
      facts: expect.objectContaining({ issuer: IDP, subject: 'acme:U019488227', clientId: 'agent' }),
    })
  })
})
