import { createPublicKey, KeyObject } from 'node:crypto'
import { certificateOf } from '../../../../emulators/core/certificate.ts'
import { type Check, failed, type Judgement, mild, passed } from '../../check.ts'
import { invalidTokens, rfc } from '../../documents.ts'
import type { Exchange } from '../../exchange.ts'
import { answerOf, isServed } from '../../facts.ts'
import {
  createSigningKey,
  encryptToken,
  type SigningKey,
  signToken,
  signWithSecret,
  unsignedToken,
  withBrokenSignature,
  withOtherPayload,
} from '../../issuer/tokens.ts'
import type { Laboratory } from '../../laboratory.ts'
import { eventually, minted, present, refusesAll, type Wrong, withIssuer } from '../../presenting.ts'
import type { Target } from '../../target.ts'

const exclusive = rfc(
  'RFC 8725',
  '3.12',
  'If more than one kind of JWT can be issued by the same issuer, the validation rules for those JWTs MUST be written such that they are mutually exclusive, rejecting JWTs of the wrong kind.',
)
const UNKNOWN_KEYS = 20
/** Fetches of the keys that so many tokens with unknown keys may cause. */
const MAX_FETCHES = 10

/** Who a token comes from, and what kind of token it is. */
export const signatureChecks: readonly Check[] = [
  {
    id: 'V10',
    title: 'A token without a signature (alg none) is refused',
    level: 'MUST',
    source: rfc('RFC 9068', '4', 'The resource server MUST reject any JWT in which the value of "alg" is "none".'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(
      async (target, { issuer }) =>
        refusesAll(
          target,
          ['none', 'None', 'NONE', 'nOnE'].flatMap(algorithm => [
            { label: `a token with alg ${algorithm}`, token: unsignedToken(algorithm, issuer.claims()) },
            // Without this, it may be refused because nobody knows its key.
            {
              label: `a token with alg ${algorithm}, under the id of a known key`,
              token: unsignedToken(algorithm, issuer.claims(), { kid: issuer.key.id }),
            },
          ]),
        ),
      'jwt',
    ),
  },
  {
    id: 'V11',
    title: 'A token with an HMAC that is keyed with the public key is refused',
    level: 'MUST',
    source: rfc(
      'RFC 8725',
      '3.1',
      'Libraries MUST enable the caller to specify a supported set of algorithms and MUST NOT use any other algorithms when performing cryptographic operations.',
    ),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, { issuer }) => {
      const { publicJwk, id: kid } = issuer.key
      const pem = String(createPublicKey({ key: publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }))
      const secrets = { PEM: pem, 'PEM without a last line end': pem.trim(), JWK: JSON.stringify(publicJwk) }
      const wrongs = Object.entries(secrets).map(async ([form, secret]) => ({
        label: `a token with an HMAC keyed with the public key (${form})`,
        token: await signWithSecret(secret, issuer.claims(), { kid }),
      }))
      return refusesAll(target, await Promise.all(wrongs))
    }, 'jwt'),
  },
  {
    id: 'V12',
    title: 'A token whose signature does not fit is refused',
    level: 'MUST',
    source: invalidTokens,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, { issuer }) => {
      const token = await issuer.token()
      const [header, payload] = token.split('.')
      const stranger = { ...(await createSigningKey()), id: issuer.key.id }
      return refusesAll(target, [
        { label: 'a token with one character of its signature changed', token: withBrokenSignature(token) },
        { label: 'a token whose signature was cut off', token: `${header}.${payload}.` },
        { label: 'a token of two parts', token: `${header}.${payload}` },
        {
          label: 'a token with other claims behind the same signature',
          token: withOtherPayload(token, issuer.claims({ sub: 'somebody-else' })),
        },
        { label: 'a token signed with the key of a stranger', token: await issuer.token({ key: stranger }) },
      ])
    }, 'jwt'),
  },
  {
    id: 'V14',
    title: 'A token signed with a new key of the issuer is accepted soon, without a restart',
    level: 'practice',
    source: rfc('RFC 8725', '3.1'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const key = await laboratory.issuer.publishKey()
      const token = await laboratory.issuer.token({ key })
      const ask = () => present(target, token, 'a token signed with a new key')
      const { found, seconds, isThere } = await eventually(laboratory, ask, isServed)
      if (!isThere)
        return failed(`still ${answerOf(found)} to a token signed with a new key after ${seconds} seconds`, found)
      // Keys may have been fetched a moment ago, and a server does well to limit that.
      return passed(seconds === 0 ? undefined : `after ${seconds} seconds`)
    }, 'jwt'),
  },
  {
    id: 'V13',
    title:
      'A token that names an unknown key is refused without a fetch of the keys for each; 503 where the keys cannot be fetched',
    level: 'practice',
    source: rfc('RFC 8725', '3.10'),
    tier: 2,
    needs: ['issuer', 'own'],
    run: withIssuer(tryUnknownKeys, 'jwt'),
  },
  {
    id: 'V15',
    title: 'Keys that a token brings along are not believed, and its URLs are not fetched',
    level: 'MUST',
    source: rfc('RFC 8725', '3.10'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(tryEmbeddedKeys, 'jwt'),
  },
  {
    id: 'V16',
    title: 'A token with a critical header parameter that nobody knows is refused',
    level: 'MUST',
    source: rfc(
      'RFC 7515',
      '4.1.11',
      'If any of the listed extension Header Parameters are not understood and supported by the recipient, then the JWS is invalid.',
    ),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const header = { crit: ['urn:example:unknown'], 'urn:example:unknown': true }
      return refusesAll(target, await minted(laboratory, { 'a token with an unknown critical header': { header } }))
    }, 'jwt'),
  },
  {
    id: 'V17',
    title: 'An ID token is refused',
    level: 'MUST',
    source: exclusive,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => {
      const { audience } = laboratory.issuer
      const header = { typ: 'JWT' }
      const marks = {
        nonce: 'n-0S6_WzA2Mj',
        at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng',
        auth_time: Math.floor(Date.now() / 1000),
      }
      const claims = { ...marks, scope: undefined, client_id: undefined, jti: undefined }
      return refusesAll(
        target,
        await minted(laboratory, {
          'an ID token': { header, claims: { ...claims, aud: 'conformance-client' } },
          'an ID token of a client whose id is the audience of this server': {
            header,
            claims: { ...claims, aud: audience, azp: audience },
          },
        }),
      )
    }, 'jwt'),
  },
  {
    id: 'V18',
    title:
      'Other kinds of tokens of the issuer are refused: refresh tokens, logout tokens, security events, identity assertions',
    level: 'MUST',
    source: exclusive,
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, laboratory) => refusesAll(target, await otherKinds(laboratory))),
  },
  {
    id: 'V19',
    title: 'Encrypted, nested and compressed tokens are refused',
    level: 'practice',
    source: rfc('RFC 8725', '3.6'),
    tier: 2,
    needs: ['issuer'],
    run: withIssuer(async (target, { issuer }) => {
      const token = await issuer.token()
      const key = issuer.key
      return refusesAll(target, [
        { label: 'an encrypted token', token: await encryptToken(key, token) },
        { label: 'a token inside a token', token: await signToken(key, { token }, { cty: 'JWT' }) },
        {
          label: 'a token that says it is compressed',
          token: await issuer.token({ header: { zip: 'DEF', crit: ['zip'] } }),
        },
      ])
    }, 'jwt'),
  },
]

async function tryUnknownKeys(target: Target, laboratory: Laboratory): Promise<Judgement> {
  const { issuer } = laboratory
  const label = 'a token that names an unknown key'
  const ask = async () => present(target, await issuer.token({ header: { kid: crypto.randomUUID() } }), label)
  const before = issuer.received('jwks')
  const first = await ask()
  if (first.status !== 401)
    return failed(isServed(first) ? `accepts ${label}` : `${answerOf(first)}, not 401, to ${label}`, first)
  for (let i = 1; i < UNKNOWN_KEYS; i++) {
    const found = await ask()
    // 503 where the server has asked for the keys so often that it cannot know yet.
    if (found.status !== 401 && found.status !== 503) return failed(`${answerOf(found)} to ${label}`, found)
  }
  const fetches = issuer.received('jwks') - before
  if (fetches > MAX_FETCHES)
    return failed(`${UNKNOWN_KEYS} tokens with unknown keys caused ${fetches} fetches of the keys`, first)
  issuer.fail('jwks', { kind: 'down' })
  const token = await issuer.token({ key: await createSigningKey() })
  const askInOutage = () => present(target, token, 'a token whose key cannot be fetched')
  // Some servers do not look for keys again that they have just fetched.
  const { found } = await eventually(laboratory, askInOutage, ({ status }) => status === 503)
  issuer.recover()
  // The next checks are not to meet a server that is still wary.
  await eventually(laboratory, ask, ({ status }) => status === 401)
  return judgeUnknown(found)
}

/** Nobody can know yet whether it is good: a 401 would end a session for the sake of an outage. */
function judgeUnknown(found: Exchange): Judgement {
  if (found.status === 503) return passed()
  if (isServed(found)) return failed('accepts a token whose key cannot be fetched', found)
  return mild(`${answerOf(found)}, not 503, to a token whose key cannot be fetched`, found)
}

async function tryEmbeddedKeys(target: Target, { issuer }: Laboratory): Promise<Judgement> {
  const key = await createSigningKey()
  const { publicJwk: jwk } = key
  const trap = issuer.trap(key)
  const { x5c } = certificateFor(key)
  const headers = { jwk: { jwk }, jku: { jku: trap.url }, x5u: { x5u: trap.url }, x5c: { x5c } }
  const wrongs = Object.entries(headers).flatMap(([name, header]) => {
    const label = `a token signed with the key in its own ${name}`
    return [
      { label, changes: { key, header }, hasUnknownKey: true },
      { label: `${label}, under the id of a known key`, changes: { key, header: { ...header, kid: issuer.key.id } } },
    ]
  })
  const refused = await refusesAll(
    target,
    await Promise.all(wrongs.map(async ({ changes, ...wrong }) => ({ ...wrong, token: await issuer.token(changes) }))),
  )
  if (refused.kind === 'failed' && !refused.isMild) return refused
  for (const [name, header] of Object.entries({ jku: { jku: trap.url }, x5c: certificateFor(issuer.key) })) {
    const label = `a good token that also has ${name}`
    const found = await present(target, await issuer.token({ header }), label)
    if (trap.fetched() > 0) return failed('fetches a URL that stands in the header of a token', found)
    if (!isServed(found) && refused.kind === 'passed') return mild(`${answerOf(found)} to ${label}`, found)
  }
  return refused
}

function certificateFor({ id: kid, privateKey }: SigningKey) {
  const { x5c } = certificateOf({ kid, alg: 'RS256', privateKey: KeyObject.from(privateKey) }, 'conformance')
  return { x5c }
}

async function otherKinds({ issuer }: Laboratory): Promise<Wrong[]> {
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  if (issuer.mode === 'introspection') {
    const claims = { token_type: 'refresh_token', token_use: 'refresh_token' }
    return [{ label: 'a refresh token', token: await issuer.token({ claims }), isMild: true }]
  }
  const kinds = {
    'an identity assertion (ID-JAG)': { header: { typ: 'oauth-id-jag+jwt' } },
    'a logout token': { header: { typ: 'logout+jwt' }, claims: { events, scope: undefined } },
    'a security event token': { header: { typ: 'secevent+jwt' }, claims: { events, scope: undefined } },
  }
  const wrongs = Object.entries(kinds).map(async ([label, changes]) => ({ label, token: await issuer.token(changes) }))
  // Nothing in a standard tells it from an access token whose typ is JWT.
  const refresh = await issuer.token({ header: { typ: 'JWT' }, claims: { typ: 'Refresh', scope: undefined } })
  return [...(await Promise.all(wrongs)), { label: 'a refresh token', token: refresh, isMild: true }]
}
