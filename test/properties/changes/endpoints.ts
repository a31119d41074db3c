import fc from 'fast-check'
import type { Answer, Change, ChangeFamily, Draft, Verdict } from '../draft.ts'
import type { JwtDraft } from '../signing.ts'
import { bad, harmless } from './claims.ts'

const text = (
  status: number,
  body: string | Buffer<ArrayBuffer> | null = null,
  headers: Record<string, string> = {},
): Answer => {
  return () => new Response(body, { status, headers })
}
const json = (status: number, body: unknown): Answer =>
  text(status, JSON.stringify(body), { 'content-type': 'application/json' })
const page = '<!doctype html><html><title>Maintenance</title></html>'

/** More than is read of any document. */
const HUGE = Buffer.from(`{"active":true,"x":"${'x'.repeat(1_048_576)}"}`)

/** Answers that say nothing about any token, whatever was asked. */
export const NO_ANSWERS: readonly [name: string, answer: Answer][] = [
  [
    'a connection that fails',
    () => {
      throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } })
    },
  ],
  ['429', text(429)],
  ['429 with Retry-After', text(429, '', { 'retry-after': '30' })],
  ['500', text(500)],
  ['500 with JSON', json(500, { error: 'server_error' })],
  ['502 with a page', text(502, page, { 'content-type': 'text/html' })],
  ['503', text(503, '', { 'retry-after': 'Sun, 01 Nov 2026 00:01:00 GMT' })],
  ['504', text(504, '')],
  ['302', text(302, null, { location: '/maintenance' })],
  ['307', text(307, null, { location: 'https://other.example.com/' })],
  ['304', text(304)],
  ['200 with a page', text(200, page, { 'content-type': 'text/html' })],
  ['200 with an empty body', text(200, '')],
  ['200 with a list', json(200, [{ active: true }])],
  ['200 with null', json(200, null)],
  ['200 with a text', json(200, 'active')],
  ['200 with half of the JSON', text(200, '{"active":tr')],
  ['200 with two objects', text(200, '{"active":true}{"active":true}')],
  ['200 with more than a megabyte', text(200, HUGE)],
]

/** A family of answers in place of the good one. */
export function answers<D extends Draft>(
  answers: readonly (readonly [name: string, answer: Answer])[],
  verdict: Verdict,
  make: (draft: D, answer: Answer) => void,
  where = '',
): ChangeFamily<D>[] {
  const arbitrary = fc.constantFrom(...answers).map(
    ([name, answer]): Change<D> => ({
      part: 'endpoint',
      name: where + name,
      verdict,
      make: draft => make(draft, answer),
    }),
  )
  return verdict === 'good' ? harmless(arbitrary) : bad(arbitrary)
}

const metadata = (draft: JwtDraft, answer: Answer) => {
  draft.answers.metadata = answer
}
const keySet = (draft: JwtDraft, answer: Answer) => {
  draft.answers.keys = answer
}

/** Keys: what cannot be had, and what says that the settings are wrong. */
export const keySetEndpoints: ChangeFamily<JwtDraft>[] = [
  ...answers(NO_ANSWERS, 'unknown', keySet, 'keys: '),
  ...answers(
    [
      ['an object without keys', json(200, {})],
      ['no list', json(200, { keys: {} })],
      ['an empty list', json(200, { keys: [] })],
      ['none for signatures', json(200, { keys: [{ kty: 'oct', kid: 'a', k: 'AA' }, null, 7] })],
    ],
    'unknown',
    keySet,
    'keys: ',
  ),
  ...answers(
    [
      ['404', text(404)],
      ['403 with a page', text(403, page)],
      ['401', text(401)],
      ['400', json(400, {})],
    ],
    'ours',
    keySet,
    'keys: ',
  ),
  ...harmless(
    fc.constantFrom('text/plain', 'text/html', '').map(
      (type): Change<JwtDraft> => ({
        part: 'endpoint',
        name: `keys: as ${type}`,
        verdict: 'good',
        make: draft =>
          keySet(
            draft,
            () => new Response(JSON.stringify({ keys: draft.keySet }), { headers: { 'content-type': type } }),
          ),
      }),
    ),
  ),
]

/** Metadata and keys. */
export const keyEndpoints: ChangeFamily<JwtDraft>[] = [
  ...keySetEndpoints,
  ...answers(NO_ANSWERS, 'unknown', metadata, 'metadata: '),
  ...answers(
    [
      ['404', text(404)],
      ['403 with a page', text(403, page)],
      ['401', text(401)],
    ],
    'ours',
    metadata,
    'metadata: ',
  ),
  ...bad(
    fc
      .constantFrom<[member: string, value: unknown]>(
        ['issuer', undefined],
        ['issuer', 'https://other.example.com'],
        ['issuer', 7],
        ['issuer', null],
        ['jwks_uri', undefined],
        ['jwks_uri', null],
        ['jwks_uri', 'keys'],
        ['jwks_uri', 7],
        ['jwks_uri', 'http://keys.example.com/jwks'],
      )
      .map(
        ([member, value]): Change<JwtDraft> => ({
          part: 'endpoint',
          name: `metadata: ${member} is ${JSON.stringify(value)}`,
          verdict: 'ours',
          make: draft => {
            draft.metadata[member] = value
          },
        }),
      ),
  ),
  ...harmless(
    fc.constantFrom('authorization_endpoint', 'scopes_supported', 'x').map(
      (member): Change<JwtDraft> => ({
        part: 'endpoint',
        name: `metadata: ${member} is odd`,
        verdict: 'good',
        make: draft => {
          draft.metadata[member] = { odd: [null] }
        },
      }),
    ),
  ),
]

export { json, keySet, page, text }
