import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose'
import type { Claims } from '../server/tokens.ts'
import { finishing } from './defect.ts'
import { changing, proving, type TokenDefect } from './token-defect.ts'

const dpop = 'optional' as const
const yes = () => true

/** Takes the only proof at its word. */
const unverified = (believes: (header: Readonly<Record<string, unknown>>) => boolean) =>
  proving(honest => ({
    async read(proofs) {
      const [proof = ''] = proofs
      try {
        const header = decodeProtectedHeader(proof) as Readonly<Record<string, unknown>>
        if (!believes(header)) return honest.read.call(this, proofs)
        return { claims: decodeJwt(proof) as Claims, thumbprint: await calculateJwkThumbprint(header.jwk as object) }
      } catch {
        return honest.read.call(this, proofs)
      }
    },
  }))

const inChallenge = (change: (fields: readonly string[]) => readonly string[]) =>
  finishing(answer => {
    const field = answer.headers['www-authenticate']
    return field === undefined
      ? answer
      : { ...answer, headers: { ...answer.headers, 'www-authenticate': change([field].flat()) } }
  })

/** Mistakes with proofs of possession. */
export const dpopDefects: readonly TokenDefect[] = [
  {
    id: 'D01',
    way: 'a bound token is a bearer token as well',
    dpop,
    plant: changing({ mayBeBearer: () => true }),
  },
  { id: 'D02', way: 'no proof is good', dpop, plant: proving({ timeIsGood: () => false }) },
  {
    id: 'D03',
    way: 'the first of several proofs is read',
    dpop,
    plant: proving(honest => ({ read: ([first]) => honest.read(first === undefined ? [] : [first]) })),
  },
  {
    id: 'D04',
    way: 'a proof without jti will do',
    dpop,
    plant: proving(honest => ({
      async read(proofs) {
        const proof = await honest.read.call(this, proofs)
        return proof && { ...proof, claims: { jti: String(Math.random()), ...proof.claims } }
      },
    })),
  },
  { id: 'D05', way: 'typ is not looked at', dpop, plant: proving({ typeIsGood: yes }) },
  { id: 'D06', way: 'a proof needs no signature', dpop, plant: unverified(({ alg }) => alg === 'none') },
  { id: 'D06', way: 'an HMAC is a signature', dpop, plant: unverified(({ alg }) => alg === 'HS256') },
  {
    id: 'D07',
    way: 'the signature is not verified',
    dpop,
    plant: unverified(({ alg, typ, jwk }) => alg === 'ES256' && typ === 'dpop+jwt' && !('d' in (jwk as object))),
    also: ['D03'],
  },
  { id: 'D08', way: 'a private key is welcome', dpop, plant: unverified(({ jwk }) => 'd' in (jwk as object)) },
  { id: 'D09', way: 'htm is not looked at', dpop, plant: proving({ methodIsGood: yes }), also: ['D04'] },
  {
    id: 'D09',
    way: 'htm is compared without regard to case',
    dpop,
    mild: true,
    plant: proving({ methodIsGood: (htm, { method }) => String(htm).toUpperCase() === method }),
  },
  { id: 'D10', way: 'htu is not looked at', dpop, plant: proving({ urlIsGood: yes }), also: ['D04'] },
  {
    id: 'D10',
    way: 'a query in htu counts',
    dpop,
    plant: proving({ urlIsGood: (htu, { url }) => htu === url.href }),
  },
  {
    id: 'D10',
    way: 'capitals in the host of htu count',
    dpop,
    mild: true,
    plant: proving({
      urlIsGood: (htu, { url }) => String(htu).replace(/[?#].*/, '') === `${url.origin}${url.pathname}`,
    }),
  },
  {
    id: 'D10',
    way: 'the host of htu alone counts',
    dpop,
    plant: proving({
      urlIsGood: (htu, { url }) => URL.canParse(String(htu)) && new URL(String(htu)).host === url.host,
    }),
  },
  {
    id: 'D11',
    way: 'the nonce is not given',
    dpop,
    nonce: 'n-1',
    plant: finishing(({ headers: { 'dpop-nonce': _, ...headers }, ...answer }) => ({ ...answer, headers })),
    also: ['D02'],
  },
  {
    id: 'D11',
    way: 'any nonce will do',
    dpop,
    nonce: 'n-1',
    plant: proving(honest => ({
      async read(proofs) {
        const proof = await honest.read.call(this, proofs)
        return proof?.claims.nonce === undefined ? proof : { ...proof, claims: { ...proof.claims, nonce: 'n-1' } }
      },
    })),
  },
  {
    id: 'D12',
    way: 'a proof is good for an hour',
    dpop,
    mild: true,
    plant: proving({ timeIsGood: iat => Math.abs(Date.now() / 1000 - Number(iat)) < 3600 }),
  },
  { id: 'D12', way: 'a proof never gets old', dpop, plant: proving({ timeIsGood: iat => typeof iat === 'number' }) },
  { id: 'D13', way: 'ath is not looked at', dpop, plant: proving({ hashIsGood: yes }) },
  {
    id: 'D13',
    way: 'a proof without ath will do',
    dpop,
    plant: proving(honest => ({ hashIsGood: (ath, token) => ath === undefined || honest.hashIsGood(ath, token) })),
  },
  { id: 'D14', way: 'any key will do', dpop, plant: proving({ keyIsOfToken: yes }) },
  { id: 'D15', way: 'a proof may be sent again', dpop, plant: proving({ isNew: yes }) },
  {
    id: 'D16',
    way: 'DPoP is required and not in the challenge',
    dpop: 'required',
    plant: inChallenge(fields => fields.map(field => field.replace(/^DPoP algs="[^"]+"/, 'Bearer'))),
  },
  {
    id: 'D16',
    way: 'the algorithms are missing',
    dpop,
    mild: true,
    plant: inChallenge(fields => fields.map(field => field.replace(/algs="[^"]+", /, ''))),
  },
  {
    id: 'D16',
    way: 'Bearer is taken and not in the challenge',
    dpop,
    mild: true,
    plant: inChallenge(fields => fields.filter(field => /^DPoP/.test(field))),
  },
]
