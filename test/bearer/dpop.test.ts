import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, type GenerateKeyPairResult, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { authFrom } from '../../auth/auth-from.ts'
import { createProofCheck, type DpopOptions } from '../../src/bearer/dpop.ts'
import { createProofMemory } from '../../src/bearer/proof-memory.ts'
import { createHttpServer } from '../../src/edges/http-server.ts'
import { authRoutes, protect } from '../../src/edges/node.ts'
import type { TokenValidator } from '../../src/token-validator.ts'
import { createClient, notes, startServer } from '../demo-as/support.ts'
import { freePort } from '../support/http.ts'
import { acceptedToken } from '../support/tokens.ts'

const RESOURCE = 'https://mcp.example.com/mcp'
const NOW = 1_800_000_000
const TOKEN = 'an-access-token'

let keys: GenerateKeyPairResult
let otherKeys: GenerateKeyPairResult
let jkt: string
beforeAll(async () => {
  keys = await generateKeyPair('ES256', { extractable: true })
  otherKeys = await generateKeyPair('ES256', { extractable: true })
  jkt = await calculateJwkThumbprint(await exportJWK(keys.publicKey))
})

const ath = (token: string) => createHash('sha256').update(token).digest('base64url')

interface ProofChanges {
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  signedBy?: GenerateKeyPairResult
}

/** A good proof, with one thing changed. */
async function proofOf({ claims, header, signedBy = keys }: ProofChanges = {}): Promise<string> {
  const jwk = await exportJWK(keys.publicKey)
  const payload = { htm: 'POST', htu: RESOURCE, iat: NOW, jti: randomUUID(), ath: ath(TOKEN), ...claims }
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(signedBy.privateKey)
}

function setUp(options: Partial<DpopOptions> = {}) {
  const proofs = createProofCheck({ resource: RESOURCE, now: () => NOW * 1000, ...options })
  const check = (proof: string | undefined, changes = {}) =>
    proofs.check({ proof, method: 'POST', token: TOKEN, confirmation: { jkt }, ...changes })
  return { proofs, check }
}

const refusal = (kind: string, facts = {}) => ({ reason: { kind, ...facts } })

describe('a proof', () => {
  it('accepts a proof for this request, token and key', async () => {
    await expect(setUp().check(await proofOf())).resolves.toBeUndefined()
  })

  it.each([
    ['a query and a fragment', `${RESOURCE}?a=b#c`],
    ['a slash at the end', `${RESOURCE}/`],
    ['another spelling of host and port', 'https://MCP.example.com:443/mcp'],
  ])('accepts a proof whose htu has %s', async (_name, htu) => {
    await expect(setUp().check(await proofOf({ claims: { htu } }))).resolves.toBeUndefined()
  })

  it.each([
    ['htm', { htm: 'GET' }],
    ['htm', { htm: 'post' }],
    ['htm', { htm: undefined }],
    ['htu', { htu: 'https://elsewhere.example.com/mcp' }],
    ['htu', { htu: 'http://mcp.example.com/mcp' }],
    ['htu', { htu: 'https://mcp.example.com/other' }],
    ['htu', { htu: '/mcp' }],
    ['htu', { htu: undefined }],
    ['ath', { ath: ath('another token') }],
    ['ath', { ath: undefined }],
  ])('refuses a proof with another %s with proof_mismatch: %j', async (claim, claims) => {
    await expect(setUp().check(await proofOf({ claims }))).rejects.toMatchObject(refusal('proof_mismatch', { claim }))
  })

  it.each([NOW - 61, NOW + 61])('refuses a proof with iat %d with proof_stale', async iat => {
    await expect(setUp().check(await proofOf({ claims: { iat } }))).rejects.toMatchObject(refusal('proof_stale'))
  })

  it.each([NOW - 60, NOW + 60])('accepts a proof with iat %d', async iat => {
    await expect(setUp().check(await proofOf({ claims: { iat } }))).resolves.toBeUndefined()
  })

  it.each([
    ['no jti', { claims: { jti: undefined } }],
    ['an empty jti', { claims: { jti: '' } }],
    ['no iat', { claims: { iat: undefined } }],
    ['another typ', { header: { typ: 'JWT' } }],
    ['no typ', { header: { typ: undefined } }],
    ['no key', { header: { jwk: undefined } }],
  ])('refuses a proof with %s with proof_malformed', async (_name, changes) => {
    await expect(setUp().check(await proofOf(changes))).rejects.toMatchObject(refusal('proof_malformed'))
  })

  it.each([
    ['ES256', 'ES256'],
    ['ES384', 'ES384'],
    ['EdDSA', 'Ed25519'],
    ['Ed25519', 'Ed25519'],
    ['PS256', 'PS256'],
    ['RS256', 'RS256'],
  ])('accepts a proof signed with %s, with the same thumbprint as jose', async (alg, kind) => {
    const signedBy = await generateKeyPair(kind, { extractable: true })
    const jwk = await exportJWK(signedBy.publicKey)
    const confirmation = { jkt: await calculateJwkThumbprint(jwk) }
    const proof = await proofOf({ header: { alg, jwk }, signedBy })
    await expect(setUp().check(proof, { confirmation })).resolves.toBeUndefined()
    const [header, payload, signature = ''] = proof.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    bytes[20] = (bytes[20] ?? 0) ^ 1
    const forged = `${header}.${payload}.${bytes.toString('base64url')}`
    await expect(setUp().check(forged, { confirmation })).rejects.toMatchObject(refusal('proof_malformed'))
  })

  it('refuses a proof whose key is too short, or for another algorithm or use, with proof_malformed', async () => {
    const rsa = await generateKeyPair('RS256', { extractable: true })
    const jwk = await exportJWK(keys.publicKey)
    const short = await crypto.subtle.generateKey(
      { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
      true,
      ['sign', 'verify'],
    )
    const input = await proofOf({ header: { alg: 'RS256', jwk: await exportJWK(rsa.publicKey) }, signedBy: rsa })
    const signed = (await proofOf()).split('.').slice(1).join('.')
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const shortHeader = part({ alg: 'RS256', typ: 'dpop+jwt', jwk: await exportJWK(short.publicKey) })
    const body = `${shortHeader}.${input.split('.')[1]}`
    const signature = await crypto.subtle.sign(short.privateKey.algorithm.name, short.privateKey, Buffer.from(body))
    for (const proof of [
      `${part({ alg: 'RS256', typ: 'dpop+jwt', jwk })}.${signed}`,
      `${body}.${Buffer.from(signature).toString('base64url')}`,
      await proofOf({ header: { jwk: { ...jwk, use: 'enc' } } }),
      await proofOf({ header: { jwk: { ...jwk, alg: 'ES384' } } }),
      await proofOf({ header: { jwk: { ...jwk, x: undefined } } }),
      await proofOf({ header: { jwk: [jwk] } }),
      `${(await proofOf()).split('.')[0]}=.${signed}`,
    ]) {
      await expect(setUp().check(proof), proof).rejects.toMatchObject(refusal('proof_malformed'))
    }
  })

  it('refuses a proof with a critical header parameter with proof_malformed', async () => {
    const proof = await proofOf({ header: { crit: ['b64'], b64: true } })
    await expect(setUp().check(proof)).rejects.toMatchObject(refusal('proof_malformed'))
  })

  it.each([{ exp: NOW }, { nbf: NOW + 1 }, { exp: 'soon' }])(
    'refuses a proof with %j with proof_malformed',
    async claims => {
      await expect(setUp().check(await proofOf({ claims }))).rejects.toMatchObject(refusal('proof_malformed'))
    },
  )

  it('refuses a proof whose header holds the private key with proof_malformed', async () => {
    const proof = await proofOf({ header: { jwk: await exportJWK(keys.privateKey) } })
    await expect(setUp().check(proof)).rejects.toMatchObject(refusal('proof_malformed'))
  })

  it('refuses a proof signed by another key than the one in its header with proof_malformed', async () => {
    await expect(setUp().check(await proofOf({ signedBy: otherKeys }))).rejects.toMatchObject(
      refusal('proof_malformed'),
    )
  })

  it('refuses a proof that is unsigned or signed by a shared secret with proof_malformed', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const [, payload] = (await proofOf()).split('.')
    const none = `${part({ alg: 'none', typ: 'dpop+jwt', jwk: await exportJWK(keys.publicKey) })}.${payload}.`
    const shared = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: { kty: 'oct', k: 'c2VjcmV0' } as never })
      .sign(Buffer.alloc(32))
    for (const proof of [none, shared, 'x', 'a.b.c', `${await proofOf()}, ${await proofOf()}`, 'x'.repeat(9_000)]) {
      await expect(setUp().check(proof), proof.slice(0, 40)).rejects.toMatchObject(refusal('proof_malformed'))
    }
  })

  it('refuses a proof by another key than the token’s with proof_key_mismatch', async () => {
    const jwk = await exportJWK(otherKeys.publicKey)
    const proof = await proofOf({ header: { jwk }, signedBy: otherKeys })
    await expect(setUp().check(proof)).rejects.toMatchObject(refusal('proof_key_mismatch'))
  })

  it('refuses a missing proof with proof_missing, and an unbound token with not_sender_constrained', async () => {
    const { check } = setUp()
    await expect(check(undefined)).rejects.toMatchObject(refusal('proof_missing'))
    await expect(check(await proofOf(), { confirmation: undefined })).rejects.toMatchObject(
      refusal('not_sender_constrained'),
    )
  })

  it('accepts a proof once, however many requests send it at the same time', async () => {
    const { check } = setUp()
    const proof = await proofOf()
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => check(proof)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(check(proof)).rejects.toMatchObject(refusal('proof_replayed'))
  })
})

describe('the memory of proofs', () => {
  it('refuses proofs when the memory is full, and accepts them again once old ones have expired', () => {
    let now = 0
    const memory = createProofMemory({ now: () => now, maxEntries: 2 })
    expect(memory.add('a', 10)).toBe(true)
    expect(memory.add('b', 20)).toBe(true)
    expect(() => memory.add('c', 30)).toThrow(
      expect.objectContaining({ reason: { kind: 'too_many_proofs', remembered: 2 } }),
    )
    expect(memory.add('a', 10)).toBe(false)
    now = 10_000
    expect(memory.add('c', 30)).toBe(true)
    expect(memory.add('b', 20)).toBe(false)
  })
})

describe('with nonces', () => {
  const nonceSecret = Buffer.alloc(32, 7)

  it('refuses a proof without a nonce, or with a foreign or old one, with use_dpop_nonce', async () => {
    let now = NOW
    const { proofs, check } = setUp({ nonceSecret, now: () => now * 1000 })
    const nonce = proofs.nonce?.()
    await expect(check(await proofOf())).rejects.toMatchObject({ code: 'use_dpop_nonce', status: 401 })
    await expect(check(await proofOf({ claims: { nonce: 'x' } }))).rejects.toMatchObject({ code: 'use_dpop_nonce' })
    await expect(check(await proofOf({ claims: { nonce } }))).resolves.toBeUndefined()
    now += 240
    await expect(check(await proofOf({ claims: { nonce, iat: now } }))).rejects.toMatchObject({
      code: 'use_dpop_nonce',
    })
  })

  it('refuses a secret for nonces that is too short', () => {
    expect(() => setUp({ nonceSecret: Buffer.alloc(31) })).toThrow(TypeError)
  })
})

describe('over HTTP', () => {
  async function serve(options: Partial<DpopOptions> = {}) {
    const origin = `http://localhost:${await freePort()}`
    const resource = `${origin}/mcp`
    const validator: TokenValidator = {
      issuers: ['https://issuer.example'],
      warmUp: async () => {},
      validate: async () => acceptedToken({ confirmation: { jkt } }),
      verifyAccessToken: () => Promise.reject(new Error('not used here')),
    }
    const auth = authFrom({ resource, name: 'Notes', scopes: {} }, validator, {
      dpop: createProofCheck({ resource, now: () => NOW * 1000, ...options }),
    })
    const listener = protect(auth, (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    })
    const routes = authRoutes(auth)
    const server = createHttpServer((request, response) => routes(request, response, () => listener(request, response)))
    await new Promise<void>(resolve => server.listen(Number(new URL(origin).port), 'localhost', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const call = (headers: Record<string, string>) =>
      fetch(resource, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: '{}' })
    return { resource, origin, call }
  }

  it('accepts a bound token with its proof once', async () => {
    const { resource, call } = await serve()
    const headers = { authorization: `DPoP ${TOKEN}`, dpop: await proofOf({ claims: { htu: resource } }) }
    expect((await call(headers)).status).toBe(200)
    const replayed = await call(headers)
    expect(replayed.status).toBe(401)
    expect(replayed.headers.get('www-authenticate')).toMatch(/^DPoP error="invalid_dpop_proof".* algs="ES256 [^"]*"$/)
  })

  it('challenges a request without credentials for Bearer alone, which every client can read', async () => {
    const { call, origin } = await serve()
    const challenge = (await call({})).headers.get('www-authenticate')
    expect(challenge).toMatch(new RegExp(`^Bearer resource_metadata="${origin}/[^",]+"$`))
  })

  it('publishes the algorithms in the metadata, and whether DPoP is required', async () => {
    const metadataOf = async ({ origin }: { origin: string }) =>
      (await fetch(`${origin}/.well-known/oauth-protected-resource/mcp`)).json()
    const taken = await metadataOf(await serve())
    expect(taken).toMatchObject({ dpop_signing_alg_values_supported: expect.arrayContaining(['ES256']) })
    expect(taken).not.toHaveProperty('dpop_bound_access_tokens_required')
    expect(await metadataOf(await serve({ required: true }))).toMatchObject({ dpop_bound_access_tokens_required: true })
  })

  it('refuses a bearer token with a challenge for DPoP where DPoP is required', async () => {
    const { call } = await serve({ required: true })
    const refused = await call({ authorization: `Bearer ${TOKEN}` })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toMatch(/^DPoP error="invalid_token"/)
  })

  it('answers a missing nonce with one that works', async () => {
    const { resource, call } = await serve({ nonceSecret: Buffer.alloc(32, 7) })
    const authorization = `DPoP ${TOKEN}`
    const challenged = await call({ authorization, dpop: await proofOf({ claims: { htu: resource } }) })
    expect(challenged.status).toBe(401)
    expect(challenged.headers.get('www-authenticate')).toContain('error="use_dpop_nonce"')
    const nonce = challenged.headers.get('dpop-nonce')
    const again = await call({ authorization, dpop: await proofOf({ claims: { htu: resource, nonce } }) })
    expect(again.status).toBe(200)
  })
})

describe('the authorization server', () => {
  const machine = {
    client_id: 'nightly',
    client_secret: 'nightly-job-secret+/%',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    scope: 'notes:read',
  }

  it('binds a token to the key of a proof, and tells the resource server and clients so', async () => {
    const { origin } = await startServer({ clients: [machine as never] })
    const client = createClient(origin)
    const htu = `${origin}/oauth/token`
    const dpop = await proofOf({ claims: { htu, iat: Math.floor(Date.now() / 1000), ath: undefined } })
    const authorization = `Basic ${Buffer.from(`nightly:${encodeURIComponent(machine.client_secret)}`).toString('base64')}`
    const fields = { grant_type: 'client_credentials', resource: notes.resource }
    const { status, json } = await client.form('/oauth/token', fields, { authorization, dpop })
    expect(status).toBe(200)
    expect(json.token_type).toBe('DPoP')
    expect((await client.introspect(json.access_token)).json).toMatchObject({ token_type: 'DPoP', cnf: { jkt } })
    const metadata = await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).json()
    expect(metadata).toMatchObject({ dpop_signing_alg_values_supported: expect.arrayContaining(['ES256']) })
    const replayed = await client.form('/oauth/token', fields, { authorization, dpop })
    expect(replayed.status).not.toBe(200)
  })
})
