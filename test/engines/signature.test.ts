import { randomInt } from 'node:crypto'
import { CompactSign, compactVerify, exportJWK, generateKeyPair, importJWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { type SignatureAlgorithm, signatureAlgorithms, verifySignature } from '../../src/engines/signature.ts'

/** A key pair as a key set would deliver it, and a token that jose signed. */
async function sign(alg: SignatureAlgorithm) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const key = (await importJWK(await exportJWK(publicKey), alg)) as CryptoKey
  const payload = Buffer.from(JSON.stringify({ sub: 'user-1', name: 'Zoë' }))
  return { key, token: await new CompactSign(payload).setProtectedHeader({ alg, kid: 'key-1' }).sign(privateKey) }
}

type CryptoKey = Awaited<ReturnType<typeof generateKeyPair>>['publicKey']

const signatureOf = (token: string) => Buffer.from(token.split('.')[2] ?? '', 'base64url')

describe.each(signatureAlgorithms)('%s', alg => {
  test('accepts a signature made by jose', async () => {
    const { key, token } = await sign(alg)
    expect(await verifySignature(token, signatureOf(token), key, alg)).toBe(true)
  })

  test('refuses any changed bit of header, payload or signature, as jose does', async () => {
    const { key, token } = await sign(alg)
    const end = token.lastIndexOf('.')
    for (let round = 0; round < 20; round++) {
      const at = randomInt(end)
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
      expect(await verifySignature(changed, signatureOf(token), key, alg), `character ${at}`).toBe(false)
      await expect(compactVerify(changed, key)).rejects.toThrow()
      const signature = signatureOf(token)
      const byte = randomInt(signature.length)
      signature.writeUInt8(signature.readUInt8(byte) ^ (1 << randomInt(8)), byte)
      expect(await verifySignature(token, signature, key, alg), `signature byte ${byte}`).toBe(false)
    }
  })

  test('refuses signatures that are empty, zero, too short or too long', async () => {
    const { key, token } = await sign(alg)
    const good = signatureOf(token)
    const forms = [Buffer.alloc(0), Buffer.alloc(good.length), good.subarray(1), Buffer.concat([good, Buffer.alloc(1)])]
    for (const form of forms) expect(await verifySignature(token, form, key, alg)).toBe(false)
  })

  test('refuses the signature of another key', async () => {
    const [one, other] = [await sign(alg), await sign(alg)]
    expect(await verifySignature(one.token, signatureOf(one.token), other.key, alg)).toBe(false)
  })
})

test.each(['RS256', 'PS256'] as const)(
  'refuses a %s signature without its leading zero (RFC 8017 §8.1.2)',
  async alg => {
    const { privateKey, publicKey } = await generateKeyPair(alg)
    // One signature in 256 begins with a zero.
    for (let serial = 0; ; serial++) {
      const token = await new CompactSign(Buffer.from(`{"serial":${serial}}`))
        .setProtectedHeader({ alg })
        .sign(privateKey)
      const signature = signatureOf(token)
      if (signature[0] !== 0) continue
      expect(await verifySignature(token, signature, publicKey, alg)).toBe(true)
      expect(await verifySignature(token, signature.subarray(1), publicKey, alg)).toBe(false)
      return
    }
  },
)

test('refuses an ECDSA signature in DER, because JWS joins both numbers (RFC 7518 §3.4)', async () => {
  const { key, token } = await sign('ES256')
  const raw = signatureOf(token)
  const integer = (bytes: Buffer) => {
    const positive = (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes
    return Buffer.concat([Buffer.from([2, positive.length]), positive])
  }
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))])
  const der = Buffer.concat([Buffer.from([0x30, body.length]), body])
  expect(await verifySignature(token, der, key, 'ES256')).toBe(false)
})

// RFC 7515 appendix A.3 and RFC 8037 appendix A.4, as printed there.
test.each([
  [
    'ES256',
    {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
    'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q',
  ],
  [
    'EdDSA',
    { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
  ],
] as const)('accepts the example of the RFC for %s', async (alg, jwk, token) => {
  const key = (await importJWK(jwk, alg)) as CryptoKey
  expect(await verifySignature(token, signatureOf(token), key, alg)).toBe(true)
})
