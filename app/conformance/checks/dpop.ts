import { parameterOf } from '../challenge.ts'
import { type Check, failed, type Judgement, mild, passed, type Source, skipped } from '../check.ts'
import { rfc } from '../documents.ts'
import { dpopOffer } from '../dpop-offer.ts'
import type { Exchange, HeaderFields } from '../exchange.ts'
import { answerOf, bare, isServed } from '../facts.ts'
import {
  createProof,
  createSigningKey,
  type ProofChanges,
  type SigningKey,
  signWithSecret,
  thumbprintOf,
  unsignedToken,
  withBrokenSignature,
} from '../issuer/tokens.ts'
import { question } from '../presenting.ts'
import { remembered, type Target } from '../target.ts'

/** Of a window of five minutes, which is usual, and somewhat more. */
const OLD_SECONDS = 420
/** No window is as wide as this. */
const VERY_OLD_SECONDS = 7200

interface Holder {
  readonly key: SigningKey
  /** Bound to the key. */
  readonly token: string
}

/** A client with a key, and a token that is bound to it. */
const holder = remembered(async (target: Target): Promise<Holder> => {
  const key = await createSigningKey('ES256')
  const claims = { cnf: { jkt: await thumbprintOf(key) } }
  const issuer = target.laboratory?.issuer
  const token = (await issuer?.token({ claims })) ?? ''
  target.hide(token, '<a token bound to a key>')
  return { key, token }
})

/** A nonce that the server gave, which later proofs repeat. */
const nonces = new WeakMap<Target, string>()

interface Sent {
  /** Header values; made anew for each request. */
  proofs(nonce?: string): Promise<readonly string[]>
  readonly scheme?: string
  /** Default: the endpoint. */
  readonly url?: string
  /** To accept it is worth a warning only. */
  readonly isMild?: boolean
}

/** Sends the question with a token and proofs, and once more where the server wants its nonce repeated. */
async function send(target: Target, token: string, { proofs, scheme = 'DPoP', url }: Sent): Promise<Exchange> {
  const { headers: own, body } = (await question(target)).message
  const once = async () => {
    const dpop = await proofs(nonces.get(target))
    for (const proof of dpop) target.hide(proof, '<proof>')
    const headers: HeaderFields = { ...own, authorization: `${scheme} ${token}`, ...(dpop.length > 0 && { dpop }) }
    return target.send({ headers, body, ...(url !== undefined && { url }) })
  }
  const found = await once()
  const nonce = found.headers.get('dpop-nonce')
  if (nonce !== null) nonces.set(target, nonce)
  const asksForNonce = found.headers.get('www-authenticate')?.includes('use_dpop_nonce') ?? false
  return asksForNonce && nonce !== null ? once() : found
}

/** One proof with changes. */
function proofWith(target: Target, { key, token }: Holder, changes: ProofChanges = {}): Sent {
  return {
    async proofs(nonce) {
      const claims = { ...(nonce !== undefined && { nonce }), ...changes.claims }
      return [await createProof(key, { method: 'POST', url: target.url, token }, { ...changes, claims })]
    },
  }
}

/** The answer to a bound token with a proof in which nothing is wrong. */
const goodProof = remembered(async (target: Target) => {
  const { key, token } = await holder(target)
  return send(target, token, proofWith(target, { key, token }))
})

/** For servers that take proofs. A good token of the issuer is bound here, so V01 need not hold. */
function whereOffered(run: (target: Target, holder: Holder) => Promise<Judgement>): Check['run'] {
  return async target => {
    if (!(await dpopOffer(target)).isOffered) return skipped('the server does not advertise DPoP')
    return run(target, await holder(target))
  }
}

/** The same, for what means nothing where bound tokens are refused whatever comes with them. */
function withProofs(run: (target: Target, holder: Holder) => Promise<Judgement>): Check['run'] {
  return whereOffered(async (target, holder) =>
    isServed(await goodProof(target)) ? run(target, holder) : skipped('a good proof is refused (D02)'),
  )
}

/** Sends each of them, and expects 401. */
async function refuses(target: Target, { token }: Holder, wrongs: Readonly<Record<string, Sent>>): Promise<Judgement> {
  const doubts: Judgement[] = []
  for (const [label, sent] of Object.entries(wrongs)) {
    const found = await send(target, token, sent)
    const isAccepted = isServed(found)
    if (isAccepted && !sent.isMild) return failed(`accepts ${label}`, found)
    if (isAccepted) doubts.push(mild(`accepts ${label}`, found))
    // Refused it is, and that is what the specification demands.
    else if (found.status !== 401 && found.status !== 400) {
      doubts.push(mild(`${answerOf(found)}, not 401, to ${label}`, found))
    }
  }
  return doubts[0] ?? passed()
}

/** A check of proofs that differ from a good one. */
function wrongProofs(
  id: string,
  title: string,
  source: Source,
  changes: (target: Target, holder: Holder) => Readonly<Record<string, ProofChanges & Pick<Sent, 'isMild'>>>,
): Check {
  return {
    id,
    title,
    level: 'MUST',
    source,
    tier: 2,
    needs: ['issuer'],
    run: withProofs((target, holder) => {
      const wrongs = Object.entries(changes(target, holder))
      return refuses(
        target,
        holder,
        Object.fromEntries(
          wrongs.map(([label, { isMild, ...change }]) => [label, { ...proofWith(target, holder, change), isMild }]),
        ),
      )
    }),
  }
}

/** Proofs of possession, where the server takes them. */
export const dpopChecks: readonly Check[] = [
  {
    id: 'D01',
    title: 'A token bound to a key is refused as a bearer token',
    level: 'MUST',
    source: rfc(
      'RFC 9449',
      '7.2',
      'Specifically, such a protected resource MUST reject a DPoP-bound access token received as a bearer token per [RFC6750].',
    ),
    tier: 2,
    needs: ['issuer'],
    run: withProofs((target, holder) =>
      refuses(target, holder, {
        'a bound token as a bearer token': { proofs: async () => [], scheme: 'Bearer' },
        'a bound token as a bearer token, with a proof': { ...proofWith(target, holder), scheme: 'Bearer' },
      }),
    ),
  },
  {
    id: 'D02',
    title: 'A bound token with a proof is accepted',
    level: 'MUST',
    source: rfc('RFC 9449', '7.1'),
    tier: 2,
    needs: ['issuer'],
    run: whereOffered(async target => {
      const found = await goodProof(target)
      return isServed(found) ? passed() : failed(`${answerOf(found)} to a bound token with a proof`, found)
    }),
  },
  {
    id: 'D03',
    title: 'No proof, and two proofs, are refused',
    level: 'MUST',
    source: rfc('RFC 9449', '4.3', 'There is not more than one DPoP HTTP request header field.'),
    tier: 2,
    needs: ['issuer'],
    run: withProofs((target, holder) => {
      const one = proofWith(target, holder)
      return refuses(target, holder, {
        'a bound token without a proof': { proofs: async () => [] },
        'two proofs': { proofs: async nonce => [...(await one.proofs(nonce)), ...(await one.proofs(nonce))] },
      })
    }),
  },
  {
    id: 'D04',
    title: 'A proof that is not a JWT, or lacks a claim, is refused',
    level: 'MUST',
    source: rfc('RFC 9449', '4.3', 'The DPoP HTTP request header field value is a single and well-formed JWT.'),
    tier: 2,
    needs: ['issuer'],
    run: withProofs((target, holder) =>
      refuses(target, holder, {
        'a proof that is not a JWT': { proofs: async () => ['not-a-jwt'] },
        ...Object.fromEntries(
          ['jti', 'htm', 'htu', 'iat'].map(name => [
            `a proof without ${name}`,
            proofWith(target, holder, { claims: { [name]: undefined } }),
          ]),
        ),
      }),
    ),
  },
  wrongProofs(
    'D05',
    'A proof of another type is refused',
    rfc('RFC 9449', '4.3', 'The typ JOSE Header Parameter has the value dpop+jwt.'),
    () => ({
      'a proof whose typ is JWT': { header: { typ: 'JWT' } },
      'a proof without typ': { header: { typ: undefined } },
    }),
  ),
  {
    id: 'D06',
    title: 'A proof without a signature, or with an HMAC, is refused',
    level: 'MUST',
    source: rfc(
      'RFC 9449',
      '4.3',
      'The alg JOSE Header Parameter indicates a registered asymmetric digital signature algorithm [IANA.JOSE.ALGS], is not none, is supported by the application, and is acceptable per local policy.',
    ),
    tier: 2,
    needs: ['issuer'],
    run: withProofs((target, holder) => {
      const { publicJwk: jwk } = holder.key
      const from = async (
        make: (claims: Readonly<Record<string, unknown>>) => Promise<string> | string,
        nonce?: string,
      ) => {
        const [proof = ''] = await proofWith(target, holder).proofs(nonce)
        return [await make(JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString()))]
      }
      return refuses(target, holder, {
        'a proof with alg none': {
          proofs: nonce => from(claims => unsignedToken('none', claims, { typ: 'dpop+jwt', jwk }), nonce),
        },
        'a proof with an HMAC keyed with the public key': {
          proofs: nonce => from(claims => signWithSecret(JSON.stringify(jwk), claims, { typ: 'dpop+jwt', jwk }), nonce),
        },
      })
    }),
  },
  {
    id: 'D07',
    title: 'A proof whose signature does not fit is refused',
    level: 'MUST',
    source: rfc(
      'RFC 9449',
      '4.3',
      'The JWT signature verifies with the public key contained in the jwk JOSE Header Parameter.',
    ),
    tier: 2,
    needs: ['issuer'],
    run: withProofs(async (target, holder) => {
      const signer = await createSigningKey('ES256')
      const good = proofWith(target, holder)
      return refuses(target, holder, {
        'a proof with a changed signature': {
          proofs: async nonce => (await good.proofs(nonce)).map(withBrokenSignature),
        },
        'a proof signed with another key than it shows': proofWith(target, holder, { signer }),
      })
    }),
  },
  wrongProofs(
    'D08',
    'A proof that shows a private key is refused',
    rfc('RFC 9449', '4.3', 'The jwk JOSE Header Parameter does not contain a private key.'),
    (_target, { key }) => ({
      'a proof that shows a private key': { header: { jwk: key.privateJwk } },
    }),
  ),
  wrongProofs(
    'D09',
    'A proof for another method is refused',
    rfc('RFC 9449', '4.3', 'The htm claim matches the HTTP method of the current request.'),
    () => ({
      'a proof for GET': { claims: { htm: 'GET' } },
      // Names of methods are case-sensitive (RFC 9110 §9.1), but there is no other method that this could be.
      'a proof for post': { claims: { htm: 'post' }, isMild: true },
    }),
  ),
  {
    id: 'D10',
    title: 'A proof for another URL is refused; query and fragment are left out of account',
    level: 'MUST',
    source: rfc(
      'RFC 9449',
      '4.3',
      'The htu claim matches the HTTP URI value for the HTTP request in which the JWT was received, ignoring any query and fragment parts.',
    ),
    tier: 2,
    needs: ['issuer'],
    run: withProofs(async (target, holder) => {
      const { url } = target
      const refused = await refuses(target, holder, {
        'a proof for another path': proofWith(target, holder, { claims: { htu: `${url}/other` } }),
        'a proof for another host': proofWith(target, holder, { claims: { htu: 'https://other.example/mcp' } }),
        'a proof for no URL': proofWith(target, holder, { claims: { htu: 'mcp' } }),
      })
      if (refused.kind !== 'passed') return refused
      const withQuery = `${url}${url.includes('?') ? '&' : '?'}a=b`
      const asked = await send(target, holder.token, { ...proofWith(target, holder), url: withQuery })
      // What else a server has against a query is another matter.
      if (asked.status === 401)
        return failed('status 401 to a request with a query, whose proof has the URL without it', asked)
      // Clients leave them out (RFC 9449 §4.2), and need not know how a server spells its name.
      const same = {
        'with a query': withQuery,
        'with a fragment': `${url}#a`,
        'with scheme and host in capitals': url.replace(/^[^/]+\/\/[^/]+/, origin => origin.toUpperCase()),
      }
      for (const [how, htu] of Object.entries(same)) {
        const found = await send(target, holder.token, proofWith(target, holder, { claims: { htu } }))
        if (!isServed(found)) return mild(`${answerOf(found)} to a proof whose htu is the URL ${how}`, found)
      }
      return passed()
    }),
  },
  {
    id: 'D11',
    title: 'A nonce is demanded with 401, error="use_dpop_nonce" and DPoP-Nonce, and then accepted',
    level: 'MUST',
    source: rfc('RFC 9449', '9'),
    tier: 2,
    needs: ['issuer'],
    run: whereOffered(async (target, { key, token }) => {
      const { message } = await question(target)
      const prove = (claims = {}) => createProof(key, { method: 'POST', url: target.url, token }, { claims })
      const call = async (proof: string) => {
        target.hide(proof, '<proof>')
        return target.call(message, { authorization: `DPoP ${token}`, dpop: proof })
      }
      const first = await call(await prove())
      const nonce = first.headers.get('dpop-nonce')
      const asks = first.headers.get('www-authenticate')?.includes('use_dpop_nonce') ?? false
      if (isServed(first)) return skipped('the server demands no nonce')
      if (!asks) return skipped('a good proof is refused (D02)')
      if (first.status !== 401) return failed(`${answerOf(first)} with use_dpop_nonce to a proof without nonce`, first)
      if (nonce === null) return failed('use_dpop_nonce comes without a DPoP-Nonce header', first)
      const made = await call(await prove({ nonce: 'made-up' }))
      if (isServed(made)) return failed('accepts a made-up nonce', made)
      // Some servers give a new one with each refusal.
      const second = await call(await prove({ nonce: made.headers.get('dpop-nonce') ?? nonce }))
      return isServed(second) ? passed() : failed(`${answerOf(second)} to a proof with the nonce`, second)
    }),
  },
  {
    id: 'D12',
    title: 'A proof that is old, or ahead of its time, is refused',
    level: 'MUST',
    source: rfc(
      'RFC 9449',
      '4.3',
      'The creation time of the JWT, as determined by either the iat claim or a server managed timestamp via the nonce claim, is within an acceptable window (see Section 11.1).',
    ),
    tier: 2,
    needs: ['issuer'],
    run: withProofs(async (target, holder) => {
      const now = Math.floor(Date.now() / 1000)
      const of = (seconds: number) => proofWith(target, holder, { claims: { iat: now + seconds } })
      const judged = await refuses(target, holder, {
        'a proof of two hours ago': of(-VERY_OLD_SECONDS),
        'a proof of two hours ahead': of(VERY_OLD_SECONDS),
        'a proof of seven minutes ago': { ...of(-OLD_SECONDS), isMild: true },
        'a proof of seven minutes ahead': { ...of(OLD_SECONDS), isMild: true },
      })
      const mayGoByNonce = judged.kind === 'failed' && nonces.has(target)
      return mayGoByNonce ? skipped('the server demands a nonce, and may go by that in place of iat') : judged
    }),
  },
  wrongProofs(
    'D13',
    'A proof without the hash of the token, or with another, is refused',
    rfc('RFC 9449', '4.3', 'ensure that the value of the ath claim equals the hash of that access token'),
    () => ({
      'a proof without ath': { claims: { ath: undefined } },
      'a proof with the ath of another token': { claims: { ath: 'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo' } },
    }),
  ),
  {
    id: 'D14',
    title: 'A proof with another key than that of the token is refused',
    level: 'MUST',
    source: rfc(
      'RFC 9449',
      '4.3',
      'confirm that the public key to which the access token is bound matches the public key from the DPoP proof.',
    ),
    tier: 2,
    needs: ['issuer'],
    run: withProofs(async (target, { token }) => {
      const thief = { key: await createSigningKey('ES256'), token }
      return refuses(target, thief, { 'a proof with a key that the token is not bound to': proofWith(target, thief) })
    }),
  },
  {
    id: 'D15',
    title: 'A proof is accepted once',
    level: 'practice',
    source: rfc('RFC 9449', '11.1'),
    tier: 2,
    needs: ['issuer'],
    run: withProofs(async (target, holder) => {
      const proofs = await proofWith(target, holder).proofs(nonces.get(target))
      const sent: Sent = { proofs: async () => proofs }
      const first = await send(target, holder.token, sent)
      if (!isServed(first)) return skipped(`a good proof is refused (D02)`)
      const second = await send(target, holder.token, sent)
      return isServed(second) ? failed('accepts the same proof a second time', second) : passed()
    }),
  },
  {
    id: 'D16',
    title: 'A challenge for DPoP names its algorithms, and Bearer stands beside it where both are taken',
    level: 'MUST',
    source: rfc(
      'RFC 9110',
      '15.5.2',
      'The server generating a 401 response MUST send a WWW-Authenticate header field (Section 11.6.1) containing at least one challenge applicable to the target resource.',
    ),
    tier: 2,
    needs: ['issuer'],
    run: whereOffered(async target => {
      const { challenged, isRequired, takesBearer } = await dpopOffer(target)
      const found = await bare(target)
      if (!challenged && isRequired) return failed('DPoP is required, and the challenge does not name it', found)
      if (!challenged) return passed('the metadata names DPoP, the challenge only Bearer')
      if (parameterOf(challenged, 'algs') === undefined) return mild('the DPoP challenge has no algs', found)
      return isRequired || takesBearer ? passed() : mild('Bearer is taken, and the challenge does not name it', found)
    }),
  },
]
