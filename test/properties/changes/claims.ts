import fc, { type Arbitrary } from 'fast-check'
import type { Change, ChangeFamily, Draft, Verdict } from '../draft.ts'
import { anyJson, anyText, infinity, NOW, neighborsOf, noText, oddDate, oddText } from '../values.ts'

/** Default tolerance of the clock, in seconds, and how far `iat` may lie ahead of that. */
const TOLERANCE = 5
const IAT_LEEWAY = 60

/** A change that replaces a claim. */
export function set(
  claim: string,
  value: unknown,
  verdict: Verdict,
  { part = claim, also, expected }: Partial<Pick<Change, 'part' | 'also'> & Pick<Draft, 'expected'>> = {},
): Change {
  return {
    part,
    also,
    name: `${claim} is ${value === undefined ? 'absent' : JSON.stringify(value)}`,
    verdict,
    make(draft) {
      draft.claims[claim] = value
      Object.assign(draft.expected, expected)
    },
  }
}

type Options = Parameters<typeof set>[3]

export const harmless = <D extends Draft>(...arbitraries: Arbitrary<Change<D>>[]): ChangeFamily<D>[] =>
  arbitraries.map(arbitrary => ({ verdict: 'harmless', arbitrary }))
export const bad = <D extends Draft>(...arbitraries: Arbitrary<Change<D>>[]): ChangeFamily<D>[] =>
  arbitraries.map(arbitrary => ({ verdict: 'bad', arbitrary }))

/** One of several values for a claim. */
export function oneOf(
  claim: string,
  values: readonly unknown[] | Arbitrary<unknown>,
  verdict: Verdict,
  options?: Options,
) {
  const arbitrary = Array.isArray(values) ? fc.constantFrom<unknown>(...values) : (values as Arbitrary<unknown>)
  return arbitrary.map(value => set(claim, value, verdict, options))
}

/** Claims that mean nothing here may be absent, and hold anything. */
export function ignored(...claims: readonly string[]): ChangeFamily[] {
  return harmless(
    fc
      .tuple(fc.constantFrom(...claims), fc.option(anyJson, { nil: undefined }))
      .map(([claim, value]) => set(claim, value, 'good')),
  )
}

/** Claims that nobody knows. */
export const unknownClaims: ChangeFamily[] = [
  ...ignored('https://example.com/claim', 'a.b', 'constructor', 'toString', 'hasOwnProperty', 'x', '😀', 'ISS', 'Sub'),
  ...harmless(
    fc.tuple(fc.string({ minLength: 9, maxLength: 20 }), anyJson).map(([claim, value]) => set(claim, value, 'good')),
    fc.constantFrom(10, 200, 900).map(depth => nested('deep', depth)),
    fc.constantFrom(
      spelled('__proto__', '"__proto__":{"sub":"somebody","aud":"anything"}', 'good'),
      spelled('', '"":""', 'good'),
    ),
    fc.constantFrom(
      writing(
        'members in another order',
        json => JSON.stringify(reordered(JSON.parse(json))),
        /\d{12}|e\d|__proto__|\[{1000}/,
      ),
      writing('slashes escaped', json => json.replaceAll('/', '\\/')),
      writing('names escaped', json => json.replaceAll('"aud":', '"\\u0061ud":').replaceAll('"sub":', '"\\u0073ub":')),
      writing('white space', json => ` \n\t${json}\r\n`),
    ),
  ),
]

function spelled(part: string, text: string, verdict: Verdict): Change {
  return {
    part,
    name: `${text} comes first`,
    verdict,
    make: draft => void draft.spelled.push(text),
  }
}

export function nested(claim: string, depth: number): Change {
  return {
    part: claim,
    name: `${claim} is ${depth} lists deep`,
    verdict: 'good',
    make: draft => void draft.spelled.push(`"${claim}":${'['.repeat(depth)}${']'.repeat(depth)}`),
  }
}

/** @param unless - Texts that JavaScript would not write again as they are. */
function writing(name: string, write: (json: string) => string, unless?: RegExp): Change {
  return {
    part: 'writing',
    name,
    verdict: 'good',
    make: draft => void draft.writings.push(json => (unless?.test(json) ? json : write(json))),
  }
}

function reordered(value: object): object {
  return Object.fromEntries(Object.entries(value).reverse())
}

/** RFC 7519 §4: of two members of one name, the last one counts. */
export function duplicates(claim: string, other: unknown): ChangeFamily[] {
  return [
    ...harmless(fc.constant(spelled(claim, `"${claim}":${JSON.stringify(other)}`, 'good'))),
    ...bad(
      fc.constant<Change>({
        part: claim,
        name: `${claim} again, as ${JSON.stringify(other)}`,
        verdict: 'refused',
        make(draft) {
          const good = draft.claims[claim] ?? null
          draft.spelled.push(`"${claim}":${JSON.stringify(good)}`)
          draft.claims[claim] = other
        },
      }),
    ),
  ]
}

/** `exp` at the edges of the tolerance. */
export function expiry({ required, tolerance = TOLERANCE }: { required: boolean; tolerance?: number }): ChangeFamily[] {
  const good = [NOW + 1, NOW, NOW - tolerance + 1, NOW - tolerance + 0.5, NOW + 0.5, NOW + 86_000]
  const absent = required
    ? bad(oneOf('exp', [undefined, null], 'refused'))
    : harmless(oneOf('exp', [undefined, null], 'good', { expected: { expiresAt: undefined } }))
  return [
    ...absent,
    ...harmless(fc.constantFrom(...good, 1e15).map(exp => set('exp', exp, 'good', { expected: { expiresAt: exp } }))),
    ...bad(
      oneOf(
        'exp',
        [NOW - tolerance, NOW - tolerance - 0.001, NOW - tolerance - 1, NOW - 3600, 0, -1, -1e15],
        'refused',
      ),
      oneOf('exp', oddDate, 'refused'),
    ),
  ]
}

/** `nbf` and `iat`, which may be left out, at the edges of the tolerance. */
export function beginning(tolerance = TOLERANCE): ChangeFamily[] {
  const latest = NOW + tolerance
  const lastIssued = latest + IAT_LEEWAY
  return [
    ...harmless(
      oneOf('nbf', [undefined, null, 0, -1, NOW - 10, NOW, latest - 0.5, latest], 'good'),
      oneOf('iat', [undefined, null, 0, NOW - 100_000, NOW, latest, lastIssued - 1, lastIssued], 'good'),
    ),
    ...bad(
      oneOf('nbf', [latest + 0.001, latest + 1, NOW + 3600, 1e15], 'refused'),
      oneOf('nbf', oddDate, 'refused'),
      oneOf('iat', [lastIssued + 0.001, lastIssued + 1, NOW + 3600, 1e15], 'refused'),
      oneOf('iat', oddDate, 'refused'),
    ),
  ]
}

/** `aud` of tokens that must name one audience; others beside it do no harm. */
export function audience(good: readonly string[], others: readonly string[] = []): ChangeFamily[] {
  const foreign = ['https://other.example.com/mcp', 'other', ...others]
  const lists = good.flatMap(one => [one, [one], [one, one], [...foreign, one], [one, 'account', '']])
  const known: readonly unknown[] = good
  return [
    ...harmless(oneOf('aud', lists, 'good')),
    ...bad(
      oneOf('aud', [undefined, null, '', [], [''], ...foreign, foreign], 'refused'),
      oneOf(
        'aud',
        good.flatMap(neighborsOf).filter(one => !known.includes(one)),
        'refused',
      ),
      oneOf(
        'aud',
        good
          .flatMap(neighborsOf)
          .filter(one => !known.includes(one))
          .map(one => [one]),
        'refused',
      ),
      oneOf(
        'aud',
        good.flatMap(one => [[one, 1], [[one]], { [one]: true }, { 0: one }, [null, one]]),
        'refused',
      ),
      oneOf('aud', [0, 1, true, {}, infinity], 'refused'),
      oneOf(
        'aud',
        good.map(one => `${one} ${one}`),
        'refused',
      ),
    ),
    ...duplicates('aud', 'other'),
  ]
}

/** `iss` that is compared byte for byte. */
export function issuer(good: string, others: readonly string[] = []): ChangeFamily[] {
  return [
    ...bad(
      oneOf('iss', noText, 'refused'),
      oneOf('iss', [...neighborsOf(good), ...others, 'https://other.example.com'], 'refused'),
      oneOf('iss', [good.endsWith('/') ? good.slice(0, -1) : `${good}/`, `${good}\n`, [good], { good }], 'refused'),
    ),
    ...duplicates('iss', 'https://other.example.com'),
  ]
}

export function subject(claim = 'sub'): ChangeFamily[] {
  return [
    ...harmless(anyText.map(value => set(claim, value, 'good', { expected: { subject: value } }))),
    ...bad(oneOf(claim, noText, 'refused')),
  ]
}

/** A client that is not compared, in the first of these claims that is there. */
export function client(...claims: readonly [string, ...string[]]): ChangeFamily[] {
  const [first, ...rest] = claims
  const part = 'client'
  return [
    ...harmless(
      anyText.map(value => set(first, value, 'good', { part, expected: { clientId: value } })),
      ...rest.map(claim =>
        fc.tuple(anyText, fc.constantFrom(undefined, null)).map(
          ([value, absent]): Change => ({
            part,
            name: `the client is ${claim} ${JSON.stringify(value)}`,
            verdict: 'good',
            make(draft) {
              Object.assign(draft.claims, { [first]: absent, [claim]: value })
              Object.assign(draft.expected, { clientId: value })
            },
          }),
        ),
      ),
    ),
    ...bad(
      oneOf(first, fc.oneof(oddText, fc.constant('')), 'refused', { part }),
      fc.constantFrom(undefined, null).map(
        (absent): Change => ({
          part,
          name: 'no client',
          verdict: 'refused',
          make: draft => void Object.assign(draft.claims, Object.fromEntries(claims.map(claim => [claim, absent]))),
        }),
      ),
    ),
  ]
}

/** A client that must be on the list. */
export function listedClient(claim: string, listed: readonly string[]): ChangeFamily[] {
  const part = 'client'
  return [
    ...harmless(fc.constantFrom(...listed).map(id => set(claim, id, 'good', { part, expected: { clientId: id } }))),
    ...bad(
      oneOf(claim, listed.flatMap(neighborsOf), 'refused', { part }),
      oneOf(claim, ['other', `${listed.join(' ')} other`, listed, [listed[0]]], 'refused', { part }),
      oneOf(claim, noText, 'refused', { part }),
    ),
  ]
}

/**
 * Scopes in one string or list.
 *
 * @param objects - Whether the names of an object's members count as well. Default: an object is refused.
 */
export function scopes(claim: string, { objects = false } = {}): ChangeFamily[] {
  const token = fc.constantFrom('notes:read', 'notes:write', 'a', 'openid', 'ünïcode', 'https://example.com/s')
  const list = fc.array(token, { maxLength: 6 })
  const says = (values: string[]) => ({ expected: { scopes: [...new Set(values)] } })
  return [
    ...harmless(
      fc
        .tuple(list, fc.constantFrom(' ', '  '))
        .map(([values, space]) => set(claim, values.join(space), 'good', says(values))),
      list.map(values => set(claim, values, 'good', says(values))),
    ),
    ...bad(oneOf(claim, [0, 1, true, [1], ['a', null], [['a']], infinity], 'refused')),
    ...(objects
      ? harmless(oneOf(claim, [{ read: true, write: false, all: null }], 'good', says(['read'])))
      : bad(oneOf(claim, [{}, { read: true }], 'refused'))),
  ]
}

/** Marks that ID tokens carry, and names of other uses (OpenID Connect Core §2, RFC 7662 §2.2, products). */
export const otherKinds: ChangeFamily[] = [
  ...harmless(
    fc
      .tuple(fc.constantFrom('nonce', 'at_hash', 'c_hash', 's_hash'), fc.constantFrom(undefined, null))
      .map(([mark, value]) => set(mark, value, 'good')),
    fc
      .tuple(
        fc.constantFrom('token_use', 'token_usage', 'token_type'),
        fc.constantFrom<unknown>(undefined, null, 'access', 'access_token', 'Access', 'Bearer', 'bearer', 'at+jwt'),
      )
      .map(([use, value]) => set(use, value, 'good')),
    fc
      .tuple(
        fc.constantFrom('use', 'purpose', 'tokenName'),
        fc.constantFrom<unknown>(undefined, null, 'sign', 7, [], {}),
      )
      .map(([use, value]) => set(use, value, 'good')),
    oneOf('events', [undefined, null, [], {}, 'http://schemas.openid.net/event', 7, { login: {} }], 'good'),
    oneOf('htm', ['POST', undefined, null], 'good', { part: 'proof' }),
    oneOf('token_introspection', [undefined, null], 'good'),
  ),
  ...bad(
    fc
      .tuple(
        fc.constantFrom('nonce', 'at_hash', 'c_hash', 's_hash'),
        fc.constantFrom<unknown>('n-0S6_WzA2Mj', '', 0, false, {}),
      )
      .map(([mark, value]) => set(mark, value, 'refused')),
    fc
      .tuple(
        fc.constantFrom('token_use', 'token_usage', 'token_type'),
        fc.constantFrom<unknown>(
          'id',
          'id_token',
          'refresh',
          'refresh_token',
          'Refresh',
          'logout_token',
          'N_A',
          'mac',
          1,
          [],
          {},
        ),
      )
      .map(([use, value]) => set(use, value, 'refused')),
    fc
      .tuple(
        fc.constantFrom('use', 'purpose', 'tokenName', 'tokenUse'),
        fc.constantFrom(
          'id',
          'id_token',
          'refresh_token',
          'authorization_code',
          'urn:ietf:params:oauth:token-type:refresh_token',
        ),
      )
      .map(([use, value]) => set(use, value, 'refused')),
    oneOf('events', [{ 'http://schemas.openid.net/event/backchannel-logout': {} }, { 'urn:x': null }], 'refused'),
    fc.constant<Change>({
      part: 'proof',
      name: 'htm and htu of a DPoP proof',
      verdict: 'refused',
      make: draft => void Object.assign(draft.claims, { htm: 'POST', htu: 'https://mcp.example.com/mcp' }),
    }),
    oneOf('token_introspection', [{}, { active: true }], 'refused'),
  ),
]

const THUMBPRINT = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'

/** `cnf` (RFC 7800): nothing that a bearer token may have, and one key only for DPoP. */
export const confirmation: ChangeFamily[] = [
  ...harmless(
    oneOf('cnf', [undefined, null], 'good'),
    fc.constant<Change>({
      part: 'cnf',
      name: 'bound to a key, and sent with DPoP',
      verdict: 'good',
      make(draft) {
        draft.claims.cnf = { jkt: THUMBPRINT }
        draft.scheme = 'DPoP'
        Object.assign(draft.expected, { confirmation: { jkt: THUMBPRINT } })
      },
    }),
  ),
  ...bad(
    oneOf(
      'cnf',
      [{ jkt: THUMBPRINT }, { 'x5t#S256': THUMBPRINT }, { kid: 'a' }, {}, [], '', 'key', 0, false],
      'refused',
    ),
    fc
      .constantFrom<unknown>(
        { 'x5t#S256': THUMBPRINT },
        { jkt: THUMBPRINT, 'x5t#S256': THUMBPRINT },
        { jkt: THUMBPRINT.slice(1) },
        { jkt: `${THUMBPRINT}=` },
        { jkt: 1 },
        { jkt: [THUMBPRINT] },
        {},
        [THUMBPRINT],
        THUMBPRINT,
      )
      .map(
        (cnf): Change => ({
          part: 'cnf',
          name: `cnf is ${JSON.stringify(cnf)}, sent with DPoP`,
          verdict: 'refused',
          make(draft) {
            draft.claims.cnf = cnf
            draft.scheme = 'DPoP'
          },
        }),
      ),
  ),
]
