import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { completeContext } from '../../src/context.ts'
import { createKeysById } from '../../src/engines/keys-by-id.ts'
import type { SignatureAlgorithm } from '../../src/engines/signature.ts'
import { createContext } from './support.ts'

const URL_OF_KEYS = 'https://keys.example.com/{kid}'
const pem = (namedCurve = 'P-256') =>
  generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'pem' }).toString()

/** @param answers - By key id; a key that is not there is answered with 404. */
function setUp(answers: Record<string, () => Response>) {
  const asked: string[] = []
  const { context, seen, advance } = createContext(async input => {
    asked.push(String(input))
    return answers[String(input).split('/').at(-1) ?? '']?.() ?? new Response('', { status: 404 })
  })
  const keys = createKeysById(URL_OF_KEYS, { vanishedKeySeconds: 600 }, completeContext(context))
  const find = async (keyId: string | undefined, algorithm: SignatureAlgorithm = 'ES256') =>
    keys.find({ keyId, algorithm, token: 'token' }).then(
      () => 'found',
      error => error.reason.kind as string,
    )
  return { keys, find, asked, answers, advance, warnings: seen.warnings }
}

const published = () => new Response(pem())

test('fetches a key once for all callers, and again after the retention', async () => {
  const { find, asked, advance } = setUp({ 'key-1': published })
  expect(await Promise.all([find('key-1'), find('key-1')])).toEqual(['found', 'found'])
  advance(599)
  expect(await find('key-1')).toBe('found')
  expect(asked).toEqual(['https://keys.example.com/key-1'])
  advance(1)
  expect(await find('key-1')).toBe('found')
  expect(asked).toHaveLength(2)
})

test('refuses a withdrawn key after the retention', async () => {
  const { find, answers, advance } = setUp({ 'key-1': published })
  await find('key-1')
  answers['key-1'] = () => new Response('', { status: 403 })
  advance(600)
  expect(await find('key-1')).toBe('key_unknown')
  answers['key-1'] = () => new Response('', { status: 503 })
  expect(await find('key-1')).not.toBe('found')
})

test('uses the last good key for a day while the endpoint is down, with a warning', async () => {
  const { find, answers, advance, warnings } = setUp({ 'key-1': published })
  await find('key-1')
  answers['key-1'] = () => new Response('', { status: 503 })
  advance(600)
  expect(await find('key-1')).toBe('found')
  expect(warnings.length).toBe(1)
  advance(86_400)
  expect(await find('key-1')).toBe('provider_failing')
})

test.each(['', '.', '..', '../other', 'a/b', 'a%2fb', 'a?b', 'a#b', '{kid}', 'é', 'a'.repeat(101)])(
  'refuses the key id %j without a request',
  async keyId => {
    const { find, asked } = setUp({})
    expect(await find(keyId)).toBe('key_unknown')
    expect(await find(undefined)).toBe('key_unknown')
    expect(asked).toEqual([])
  },
)

test('asks for ten unknown ids in a row, and then for one per second, with 503 in between', async () => {
  const { find, asked, answers, advance } = setUp({})
  for (let index = 0; index < 10; index++) expect(await find(`made-up-${index}`)).toBe('key_unknown')
  answers['key-1'] = published
  expect(await find('key-1')).toBe('key_not_fetched')
  expect(asked).toHaveLength(10)
  advance(1)
  expect(await find('key-1')).toBe('found')
  expect(asked).toHaveLength(11)
})

test('backs off while the endpoint fails', async () => {
  const { find, asked, answers, advance } = setUp({ 'key-1': () => new Response('', { status: 500 }) })
  expect(await find('key-1')).toBe('provider_failing')
  expect(await find('key-2')).toBe('provider_failing')
  expect(asked).toHaveLength(1)
  answers['key-1'] = published
  advance(1)
  expect(await find('key-1')).toBe('found')
})

test.each([
  ['no key', '', 'provider_answer_unusable'],
  ['a page', '<html></html>', 'provider_answer_unusable'],
  ['two keys', pem() + pem(), 'provider_answer_unusable'],
  ['a key of another curve', pem('P-384'), 'key_mismatch'],
])('accepts no key from an answer with %s', async (_label, body, kind) => {
  const { find } = setUp({ 'key-1': () => new Response(body) })
  expect(await find('key-1')).toBe(kind)
})

test('refuses RSA without a request', async () => {
  const { find, asked } = setUp({ 'key-1': published })
  expect(await find('key-1', 'RS256')).toBe('key_mismatch')
  expect(asked).toEqual([])
})

test('reports a status that says nothing about a key as a wrong setting', async () => {
  const { find } = setUp({ 'key-1': () => new Response('', { status: 400 }) })
  expect(await find('key-1')).toBe('endpoint_refused_request')
})
