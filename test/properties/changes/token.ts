import { createHmac, createPublicKey, sign as signBytes } from 'node:crypto'
import fc from 'fast-check'
import type { Change, ChangeFamily } from '../draft.ts'
import { EC_KEY_ID, type JwtDraft, jwkOf, keys, signWithExponentOne } from '../signing.ts'
import { anyJson, oddText } from '../values.ts'
import { bad, harmless } from './claims.ts'

type JwtChange = Change<JwtDraft>

function change(part: string, name: string, verdict: Change['verdict'], make: JwtChange['make']): JwtChange {
  return { part, name, verdict, make }
}

function header(parameter: string, value: unknown, verdict: Change['verdict'], part = parameter): JwtChange {
  const name = `header: ${parameter} is ${value === undefined ? 'absent' : JSON.stringify(value)}`
  return change(part, name, verdict, draft => {
    draft.header[parameter] = value
  })
}

const edit = (part: string, name: string, make: (token: string) => string) =>
  change(part, name, 'refused', draft => void draft.edits.push(make))

/** Replaces one part of a token. */
const part = (index: 0 | 1 | 2, replace: (text: string) => string) => (token: string) =>
  token
    .split('.')
    .map((text, at) => (at === index ? replace(text) : text))
    .join('.')

const bytesOf = (text: string) => Buffer.from(text, 'base64url')
const publicJwk = (key: typeof keys.otherRsa) => jwkOf(key, {})

/** Signed by no key of the provider, or not at all. */
export const signatures: ChangeFamily<JwtDraft>[] = bad(
  fc.integer({ min: 0, max: 511 }).map(bit =>
    edit(
      'signature',
      `bit ${bit} of the signature is flipped`,
      part(2, text => {
        const bytes = bytesOf(text)
        const at = (bit >> 3) % Math.max(1, bytes.length)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
        return bytes.toString('base64url')
      }),
    ),
  ),
  fc.constantFrom(
    edit(
      'signature',
      'no signature',
      part(2, () => ''),
    ),
    edit(
      'signature',
      'half a signature',
      part(2, text => text.slice(0, text.length >> 1)),
    ),
    edit(
      'signature',
      'a longer signature',
      part(2, text => Buffer.concat([bytesOf(text), Buffer.alloc(1)]).toString('base64url')),
    ),
    edit(
      'signature',
      'a signature of zeros',
      part(2, text => Buffer.alloc(bytesOf(text).length).toString('base64url')),
    ),
    change('signature', "somebody else's key of the same type", 'refused', draft => {
      draft.key = draft.key === keys.ec ? keys.otherEc : keys.otherRsa
    }),
    change('signature', 'an ECDSA signature as DER', 'refused', draft => {
      draft.sign = input => signBytes('sha256', Buffer.from(input), keys.ec)
      draft.header.alg = 'ES256'
    }),
    change('signature', 'the key that the header carries', 'refused', draft => {
      const other = draft.key === keys.ec ? keys.otherEc : keys.otherRsa
      draft.key = other
      Object.assign(draft.header, { jwk: publicJwk(other), jku: 'https://evil.example/jwks' })
    }),
    change('signature', 'a payload put in after signing', 'refused', draft => {
      const other = { ...draft.claims, jti: 'another' }
      draft.edits.push(part(1, () => Buffer.from(JSON.stringify(other)).toString('base64url')))
    }),
    change('signature', 'a header put in after signing', 'refused', draft => {
      const other = { ...draft.header, x: 1 }
      draft.edits.push(part(0, () => Buffer.from(JSON.stringify(other)).toString('base64url')))
    }),
  ),
)

/** `alg`, and keys that do not fit it. */
export const algorithms: ChangeFamily<JwtDraft>[] = bad(
  fc
    .constantFrom<unknown>(
      'none',
      'None',
      'NONE',
      '',
      undefined,
      null,
      7,
      [],
      ['RS256'],
      ['ES256'],
      {},
      'rs256',
      'RS1',
      'RSA-OAEP',
      'Ed448',
    )
    .map(alg => header('alg', alg, 'refused', 'signature')),
  fc.constantFrom('HS256', 'HS384', 'HS512').map(alg =>
    change('signature', `${alg} by the public key`, 'refused', draft => {
      const secret = createPublicKey(draft.key).export({ type: 'spki', format: 'pem' })
      draft.header.alg = alg
      draft.sign = input =>
        createHmac(`sha${alg.slice(2)}`, secret)
          .update(input)
          .digest()
    }),
  ),
  fc.constantFrom('RS384', 'RS512', 'PS384', 'PS512').map(alg =>
    change('signature', `${alg} by a published key`, 'refused', draft => {
      draft.key = keys.rsa
      draft.header.alg = alg
      draft.header.kid = 'further'
      draft.keySet.push(jwkOf(keys.rsa, { kid: 'further' }))
    }),
  ),
)

/** For providers that sign with RS256 only: a published key of another type may be there for something else. */
export const onlyRs256: ChangeFamily<JwtDraft>[] = bad(
  fc.constantFrom(
    change('signature', 'ES256 by a published key', 'refused', draft => {
      draft.key = keys.ec
      Object.assign(draft.header, { alg: 'ES256', kid: EC_KEY_ID })
    }),
  ),
)

/** `kid`, and what the key set holds. */
const keyIds: ChangeFamily<JwtDraft>[] = [
  ...harmless(
    fc.constantFrom(undefined, null).map(kid => header('kid', kid, 'good', 'keySet')),
    fc
      .constantFrom<unknown>(
        null,
        7,
        'key',
        [],
        {},
        { kty: 'oct', k: 'c2VjcmV0', kid: 'odd' },
        { kty: 'RSA', kid: 'odd', n: 'AQAB' },
        { kty: 'EC', crv: 'P-521', kid: 'odd', x: 'AA', y: 'AA' },
        { kty: 'RSA', kid: 7, n: 'AQAB', e: 'AQAB' },
        jwkOf(keys.otherRsa, { kid: 'enc', use: 'enc', alg: 'RSA-OAEP' }),
        jwkOf(keys.ed25519, { kid: 'ed', use: 'sig' }),
      )
      .map(key =>
        change('keySet', `the key set also holds ${JSON.stringify(key)?.slice(0, 40)}`, 'good', draft => {
          draft.keySet.unshift(key)
        }),
      ),
    fc
      .tuple(fc.constantFrom('x5c', 'x5t', 'x5u', 'ext', 'https://example.com/member'), anyJson)
      .map(([member, value]) =>
        change('keySet', `${member} of the key is ${JSON.stringify(value)}`, 'good', draft => {
          Object.assign(draft.keySet[0] as object, { [member]: value })
        }),
      ),
    fc.constantFrom('use', 'alg', 'key_ops').map(member =>
      change('keySet', `${member} of the key is null`, 'good', draft => {
        Object.assign(draft.keySet[0] as object, { [member]: null })
      }),
    ),
  ),
  ...bad(
    fc
      .oneof(oddText, fc.constantFrom<unknown>('', 'other', 'A/B+C=', 'a/b+c', '../a/b+c='))
      .map(kid => header('kid', kid, 'refused', 'keySet')),
    fc.constantFrom(
      withKey('has been withdrawn', draft => void draft.keySet.shift()),
      withKey('is for encryption', draft => void Object.assign(draft.keySet[0] as object, { use: 'enc' })),
      withKey('is not for verifying', draft => void Object.assign(draft.keySet[0] as object, { key_ops: ['sign'] })),
      withKey('is for another algorithm', draft => {
        Object.assign(draft.keySet[0] as object, { alg: draft.key === keys.ec ? 'ES384' : 'RS512' })
      }),
      withKey(
        'is published with its private part',
        draft => void Object.assign(draft.keySet[0] as object, { d: 'AQAB' }),
      ),
      withKey('has 1024 bits', draft => {
        draft.key = keys.shortRsa
        replaceKey(draft, jwkOf(keys.shortRsa, { kid: draft.header.kid, use: 'sig', alg: 'RS256' }))
      }),
      withKey('has the exponent 1', draft => {
        draft.sign = signWithExponentOne
        replaceKey(draft, { ...jwkOf(keys.otherRsa, { kid: draft.header.kid, use: 'sig', alg: 'RS256' }), e: 'AQ' })
      }),
    ),
  ),
]

function withKey(what: string, make: JwtChange['make']): JwtChange {
  return change('keySet', `the key ${what}`, 'refused', draft => {
    draft.header.kid ??= 'a/b+c='
    make(draft)
  })
}

function replaceKey(draft: JwtDraft, jwk: Record<string, unknown>): void {
  // What a provider says of its own about its keys stays.
  const { issuer } = draft.keySet[0] as { issuer?: unknown }
  draft.header.alg = 'RS256'
  draft.keySet[0] = issuer === undefined ? jwk : { ...jwk, issuer }
}

/** Parameters that change what signature or payload mean, and others, which are passed over (RFC 7515 §4). */
export const parameters: ChangeFamily<JwtDraft>[] = [
  ...harmless(
    fc
      .tuple(fc.constantFrom('jku', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'jwk', 'nonce', 'iss', 'x', 'url'), anyJson)
      .map(([parameter, value]) => header(parameter, value, 'good')),
    fc.constantFrom<unknown>(undefined, null, 'json', '').map(cty => header('cty', cty, 'good')),
  ),
  ...bad(
    fc
      .constantFrom<unknown>(['exp'], ['b64'], ['x'], [], '', 'exp', {}, true)
      .map(crit => header('crit', crit, 'refused')),
    fc.constantFrom<unknown>(true, false, 'false').map(b64 => header('b64', b64, 'refused')),
    fc.constantFrom<unknown>('DEF', '', 1).map(zip => header('zip', zip, 'refused')),
    fc.constantFrom('JWT', 'jwt', 'application/jwt').map(cty => header('cty', cty, 'refused')),
  ),
]

/** `typ` of the header. */
export function types(good: readonly unknown[], refused: readonly unknown[] = []): ChangeFamily<JwtDraft>[] {
  const others = ['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'oauth-id-jag+jwt', 'token-introspection+jwt', 'rt+jwt']
  const odd = [0, 7, true, false, [], ['JWT'], ['at+jwt'], {}, { typ: 'JWT' }]
  const near = ['JWT ', ' JWT', 'at+jwt;v=1', 'application/application/jwt', 'text/jwt', 'JOSE', 'at jwt', 'ｊｗｔ']
  return [
    ...harmless(fc.constantFrom(...good).map(typ => header('typ', typ, 'good'))),
    ...bad(
      fc
        .constantFrom<unknown>(...others, ...others.map(type => `application/${type}`), ...refused)
        .map(typ => header('typ', typ, 'refused')),
      fc.constantFrom<unknown>(...odd, ...near).map(typ => header('typ', typ, 'refused')),
    ),
  ]
}

/** The last letter carries bits beyond the last byte, which must be zero (RFC 4648 §3.5). */
function withSpareBits(text: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return text.slice(0, -1) + (letters[(letters.indexOf(text.at(-1) ?? '') + 1) % 64] ?? '')
}

const notClaims: readonly [name: string, payload: Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ...['text', 'null', 'true', '7', '"text"', '[]', '{', '{}x', "{'aud':1}", '\ufeff{}', '[{"sub":"a"}]'].map(
    (text): [string, Buffer] => [text, Buffer.from(text)],
  ),
  ['no UTF-8', Buffer.from('7b2273756222 3a22ff227d'.replace(' ', ''), 'hex')],
]

/** What is no compact JWS of a JSON object. */
export const forms: ChangeFamily<JwtDraft>[] = bad(
  fc.constantFrom(...notClaims).map(([name, payload]) =>
    change('payload', `the payload is ${name}`, 'refused', draft => {
      draft.payload = payload
    }),
  ),
  fc.constantFrom(
    change(
      'writing',
      'a byte order mark before the payload',
      'refused',
      draft => void draft.writings.push(json => `\ufeff${json}`),
    ),
    change('payload', 'a byte that is no UTF-8 in the payload', 'refused', draft => {
      const text = JSON.stringify({ ...draft.claims, x: '%' })
      draft.payload = Buffer.from(Buffer.from(text).map(byte => (byte === 0x25 ? 0xff : byte)))
    }),
    change(
      'writing',
      'a comma at the end of the payload',
      'refused',
      draft => void draft.writings.push(json => json.replace(/\}\s*$/, ',}')),
    ),
  ),
  fc.constantFrom(
    edit('form', 'padding after the token', token => `${token}=`),
    edit('form', 'padding within the token', token => token.replace('.', '=.')),
    edit(
      'form',
      'base64 instead of base64url',
      part(2, text => `${text.slice(0, -2)}+/`),
    ),
    edit('form', 'bits that no byte has', part(2, withSpareBits)),
  ),
  fc.constantFrom(
    edit('form', 'one more part', token => `${token}.e30`),
    edit('form', 'one more empty part', token => `${token}.`),
    edit('form', 'five parts', token => `${token}.e30.e30`),
    edit('form', 'two parts', token => token.split('.').slice(0, 2).join('.')),
    edit('form', 'one part', token => token.replaceAll('.', '')),
    edit(
      'form',
      'no header',
      part(0, () => ''),
    ),
    edit(
      'form',
      'a header that is a list',
      part(0, () => 'W10'),
    ),
    edit(
      'form',
      'a header that is no JSON',
      part(0, () => 'e3'),
    ),
    edit(
      'form',
      'one more letter',
      part(2, text => `${text}A`),
    ),
    edit('form', 'a space before it', token => ` ${token}`),
    edit('form', 'a letter that no token has', token => `${token}é`),
    edit('form', 'a line break', token => `${token}\n`),
    edit('form', 'no token at all', () => ''),
    edit('form', 'more than a request can hold', token => token + 'A'.repeat(16_384)),
  ),
)

/** All that is the same for every provider of JWTs, but `typ`. */
export const tokenChanges = [...signatures, ...algorithms, ...keyIds, ...parameters, ...forms]
