import { describe, expect, test } from 'vitest'
import { createKeySet, type KeySetOptions } from '../../src/engines/key-set.ts'
import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../../src/errors.ts'
import { createContext, createKey, createProvider, type Handler, refusalOf } from './support.ts'

const JWKS = 'https://as.example.com/jwks'
const first = createKey('key-1')
const second = createKey('key-2')

const publish =
  (...keys: unknown[]): Handler =>
  () =>
    Response.json({ keys })
const down: Handler = () => new Response('', { status: 503 })

/** Every token is another one, unless it is named. */
let serial = 0
const wanted = (keyId: string | undefined, token = `token-${++serial}`) =>
  ({ algorithm: 'ES256', keyId, token }) as const

function createSet(handler: Handler, options: KeySetOptions = {}) {
  const provider = createProvider({ [JWKS]: handler })
  const refreshed: number[] = []
  const { context, seen, advance } = createContext(provider.fetch)
  const observer = { ...context.observer, keysRefreshed: (at: number) => refreshed.push(at) }
  const keys = createKeySet(async () => JWKS, options, { ...context, observer })
  const answerWith = (next: Handler) => {
    provider.handlers[JWKS] = next
  }
  /** `known`, or the kind of the reason. */
  const look = async (keyId: string | undefined) =>
    keys.find(wanted(keyId)).then(
      () => 'known',
      (error: { reason: { kind: string } }) => error.reason.kind,
    )
  const fetches = () => provider.requests.length
  return { keys, fetches, seen, advance, answerWith, look, refreshed, now: context.now }
}

describe('fetching', () => {
  test('fetches once for all callers, on first use', async () => {
    const { look, fetches, refreshed, now } = createSet(publish(first.jwk))
    expect(fetches()).toBe(0)
    const found = await Promise.all(Array.from({ length: 1000 }, () => look('key-1')))
    expect(new Set(found)).toEqual(new Set(['known']))
    expect(fetches()).toBe(1)
    expect(refreshed).toEqual([now()])
  })

  test('imports each key once', async () => {
    const { keys } = createSet(publish(first.jwk))
    const found = await Promise.all([keys.find(wanted('key-1')), keys.find(wanted('key-1'))])
    expect(found[0]).toBe(found[1])
  })

  test.each([
    ['nothing', undefined, 600],
    ['max-age=300', 'public, max-age=300', 300],
    ['max-age=0', 'max-age=0', 60],
    ['Okta', 'max-age=5184000, must-revalidate', 600],
    ['Okta, where vanished keys count longer', 'max-age=5184000, must-revalidate', 3600, 86_400],
    ['nothing, where vanished keys count for a shorter time', undefined, 120, 120],
    ['nothing, where vanished keys do not count', undefined, 60, 0],
    ['nonsense', 'max-age=soon', 600],
  ])(
    'refreshes in the background when the response is no longer fresh: %s',
    async (_label, cacheControl, seconds, vanishedKeySeconds?: number) => {
      const headers: Record<string, string> = cacheControl ? { 'cache-control': cacheControl } : {}
      const handler = () => Response.json({ keys: [first.jwk] }, { headers })
      const { look, fetches, advance, answerWith } = createSet(handler, { vanishedKeySeconds })
      await look('key-1')
      advance(seconds - 0.1)
      await look('key-1')
      expect(fetches()).toBe(1)
      const { promise, resolve } = Promise.withResolvers<Response>()
      answerWith(() => promise)
      advance(0.1)
      expect(await look('key-1')).toBe('known')
      expect(await look('key-1')).toBe('known')
      expect(fetches()).toBe(2)
      resolve(Response.json({ keys: [first.jwk, second.jwk] }))
      await expect.poll(() => look('key-2')).toBe('known')
      expect(fetches()).toBe(2)
    },
  )
})

describe('an unknown key id', () => {
  test('refuses an unknown key id at once when the keys were fetched after the token arrived', async () => {
    const { look, fetches } = createSet(publish(first.jwk))
    expect(await look('attacker-0')).toBe('key_unknown')
    expect(fetches()).toBe(1)
  })

  test('fetches once for all tokens with unknown key ids that arrive together', async () => {
    const { look, fetches, advance } = createSet(publish(first.jwk))
    await look('key-1')
    advance(30)
    const found = await Promise.all(Array.from({ length: 1000 }, (_, n) => look(`attacker-${n}`)))
    expect(new Set(found)).toEqual(new Set(['key_unknown']))
    expect(fetches()).toBe(2)
  })

  test('fetches five times in a row for unknown key ids, and then once per cool-down, with 503 in between', async () => {
    const { keys, look, fetches, advance } = createSet(publish(first.jwk))
    await look('key-1')
    for (let n = 0; n < 5; n++) {
      advance(0.1)
      expect(await look(`attacker-${n}`)).toBe('key_unknown')
    }
    expect(fetches()).toBe(6)
    advance(0.5)
    const error = await refusalOf(keys.find(wanted('attacker-x', 'stubborn')))
    expect(error).toBeInstanceOf(ValidatorUnavailableError)
    expect(error).toMatchObject({ retryAfterSeconds: 5, reason: { kind: 'key_not_fetched', keyId: 'attacker-x' } })
    expect(fetches()).toBe(6)
    advance(4.2)
    expect(await look('attacker-y')).toBe('key_unknown')
    expect(fetches()).toBe(7)
    // Fetched since it came first: no further fetch, and no further delay.
    expect((await refusalOf(keys.find(wanted('attacker-x', 'stubborn')))).reason.kind).toBe('key_unknown')
    expect(fetches()).toBe(7)
  })

  test('makes at most 17 fetches a minute, however many unknown key ids arrive', async () => {
    const { look, fetches, advance } = createSet(publish(first.jwk))
    await look('key-1')
    advance(45)
    const before = fetches()
    for (let n = 0; n < 10_000; n++) {
      await look(`attacker-${n}`)
      advance(60 / 10_000)
    }
    expect(fetches() - before).toBeLessThanOrEqual(17)
  })

  test('accepts a new key within five seconds, whatever key ids strangers make up', async () => {
    const { look, advance, answerWith } = createSet(publish(first.jwk))
    await look('key-1')
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 100; n++) {
        await look(`attacker-${round}-${n}`)
        advance(0.05)
      }
      const key = createKey(`new-${round}`)
      answerWith(publish(key.jwk))
      let outcome = await look(key.kid)
      for (let milliseconds = 0; outcome !== 'known' && milliseconds < 5000; milliseconds += 100) {
        expect(outcome).toBe('key_not_fetched')
        expect(await look('attacker')).not.toBe('known')
        advance(0.1)
        outcome = await look(key.kid)
      }
      expect(outcome).toBe('known')
    }
  })

  test('accepts a new key whose id a stranger made up before', async () => {
    const { look, advance, answerWith } = createSet(publish(first.jwk))
    await look('key-1')
    advance(1)
    expect(await look('key-2')).toBe('key_unknown')
    answerWith(publish(second.jwk))
    advance(1)
    expect(await look('key-2')).toBe('known')
  })

  test('joins a running fetch, and refuses an unknown key id only after another one', async () => {
    const { look, fetches, advance, answerWith } = createSet(publish(first.jwk))
    await look('key-1')
    advance(1)
    const { promise, resolve } = Promise.withResolvers<Response>()
    answerWith(() => promise)
    const early = look('attacker-1')
    await expect.poll(fetches).toBe(2)
    advance(1)
    const late = look('key-2')
    answerWith(publish(first.jwk, second.jwk))
    resolve(Response.json({ keys: [first.jwk] }))
    expect(await Promise.all([early, late])).toEqual(['key_unknown', 'known'])
    expect(fetches()).toBe(3)
  })

  test('accepts a key id once the provider publishes it', async () => {
    const { look, advance, answerWith } = createSet(publish(first.jwk))
    await look('key-1')
    advance(30)
    answerWith(publish(second.jwk))
    expect(await Promise.all([look('key-2'), look('key-1'), look('key-2')])).toEqual(['known', 'known', 'known'])
  })

  test('answers 503 for an unknown key id while the provider is down', async () => {
    const { keys, look, fetches, advance, answerWith } = createSet(publish(first.jwk))
    await look('key-1')
    answerWith(down)
    advance(30)
    expect(await refusalOf(keys.find(wanted('key-2')))).toBeInstanceOf(ValidatorUnavailableError)
    const asked = fetches()
    expect(await Promise.all(Array.from({ length: 100 }, () => look('key-2')))).toEqual(
      Array(100).fill('provider_failing'),
    )
    expect(fetches()).toBe(asked)
    expect(await look('key-1')).toBe('known')
    answerWith(publish(second.jwk))
    advance(1)
    expect(await look('key-2')).toBe('known')
  })

  test('answers 503 within the cool-down after a refresh has failed', async () => {
    const { look, fetches, advance, answerWith } = createSet(publish(first.jwk), {
      cooldownSeconds: 3600,
      vanishedKeySeconds: 86_400,
    })
    await look('key-1')
    answerWith(down)
    advance(600)
    await look('key-1')
    await expect.poll(() => look('key-2')).toBe('provider_failing')
    expect(fetches()).toBe(2)
  })

  test('compares key ids as opaque strings', async () => {
    const names = ['__proto__', 'constructor', 'a/b+c=', '', '../key', 'ключ', ' key-1']
    const { look } = createSet(publish(...names.map(kid => ({ ...createKey(kid).jwk }))))
    for (const name of names) expect(await look(name), name).toBe('known')
    expect(await look('toString')).toBe('key_unknown')
  })
})

describe('a token without key id', () => {
  test('uses the only key that fits a token without key id', async () => {
    const { look } = createSet(publish(first.jwk, createKey('rsa', 'RS256').jwk, { ...second.jwk, use: 'enc' }))
    expect(await look(undefined)).toBe('known')
  })

  test('refuses a token without key id when several keys fit', async () => {
    expect(await createSet(publish(first.jwk, second.jwk)).look(undefined)).toBe('key_unknown')
  })

  test('ignores keys that are no longer published for a token without key id', async () => {
    const { keys, look, advance, answerWith } = createSet(publish({ ...first.jwk, kid: undefined }))
    await look(undefined)
    answerWith(publish({ ...second.jwk, kid: undefined }))
    advance(30)
    await look('anything')
    expect((await keys.find(wanted(undefined))).jwk).toMatchObject({ x: second.jwk.x })
  })
})

describe('answers', () => {
  test.each([
    ['ten minutes', {}, 600],
    ['a day, where that is set', { vanishedKeySeconds: 86_400 }, 86_400],
    ['a minute, where that is set', { vanishedKeySeconds: 60 }, 60],
  ])('accepts a vanished key for %s after it was last seen, and not longer', async (_label, options, seconds) => {
    const { look, advance, answerWith } = createSet(publish(first.jwk, second.jwk), options)
    await look('key-1')
    answerWith(publish(first.jwk))
    const step = seconds / 20
    for (let passed = step; passed < seconds; passed += step) {
      advance(step)
      expect(await look('key-2')).toBe('known')
      await look('attacker')
    }
    advance(step)
    await look('attacker')
    expect(await look('key-2')).toBe('key_unknown')
    expect(await look('key-1')).toBe('known')
  })

  test('counts the time of a vanished key also while no token arrives', async () => {
    const { look, advance, answerWith } = createSet(publish(first.jwk, second.jwk))
    await look('key-1')
    answerWith(publish(first.jwk))
    advance(7200)
    expect(await look('key-2')).toBe('key_unknown')
  })

  test('refuses a vanished key at once when the retention is zero', async () => {
    const { look, advance, answerWith } = createSet(publish(first.jwk, second.jwk), { vanishedKeySeconds: 0 })
    await look('key-1')
    answerWith(publish(first.jwk))
    advance(10)
    await look('attacker')
    expect(await look('key-2')).toBe('key_unknown')
  })

  test('refuses nobody while the endpoint alternates between two key sets', async () => {
    const { look, advance, answerWith } = createSet(publish(first.jwk), { vanishedKeySeconds: 86_400 })
    for (let round = 0; round < 10; round++) {
      answerWith(publish(round % 2 ? first.jwk : second.jwk))
      advance(600)
      await look('attacker')
      if (round > 1) expect(await Promise.all([look('key-1'), look('key-2')])).toEqual(['known', 'known'])
    }
  })

  test('replaces a key that is published under the same id', async () => {
    const { keys, look, advance, answerWith } = createSet(publish(first.jwk))
    await look('key-1')
    answerWith(publish({ ...second.jwk, kid: 'key-1' }))
    advance(30)
    await look('attacker')
    expect((await keys.find(wanted('key-1'))).jwk).toMatchObject({ x: second.jwk.x })
  })

  test('uses the other keys of a set with odd, private or encryption keys', async () => {
    const odd = [
      null,
      7,
      'key',
      [],
      {},
      { kty: 'oct', k: 'AAAA', kid: 'oct', alg: 'HS256' },
      { kty: 'AKP', kid: 'akp', alg: 'ML-DSA-44' },
      { ...createKey('enc').jwk, use: 'enc' },
      { ...createKey('ops').jwk, key_ops: ['encrypt'] },
      { ...createKey('private').jwk, d: 'AAAA' },
      { ...createKey('numeric').jwk, kid: 7 },
      JSON.parse('{"__proto__":{"kty":"EC"},"kid":"proto"}'),
    ]
    const { look } = createSet(publish(...odd, { ...first.jwk, key_ops: ['verify'], unknown: { deep: [] } }))
    expect(await look('key-1')).toBe('known')
    for (const kid of ['oct', 'akp', 'enc', 'ops', 'private', 'proto']) expect(await look(kid), kid).toBe('key_unknown')
  })

  test('reads only a bounded number of keys', async () => {
    const flood = Array.from({ length: 5000 }, (_, n) => ({ ...first.jwk, kid: `flood-${n}` }))
    const { look, advance, answerWith } = createSet(publish(first.jwk))
    await look('key-1')
    answerWith(publish(...flood))
    advance(30)
    expect(await look('flood-0')).toBe('known')
    expect(await look('flood-100')).toBe('key_unknown')
  })

  test.each([
    ['no keys', {}],
    ['an empty set', { keys: [] }],
    ['keys that are no array', { keys: { 0: first.jwk } }],
    ['nothing usable', { keys: [{ ...first.jwk, use: 'enc' }] }],
  ])('answers 503 for a set without a usable key, and keeps the old keys: %s', async (_label, body) => {
    const { keys, look, advance, answerWith } = createSet(() => Response.json(body))
    const error = await refusalOf(keys.find(wanted('key-1')))
    expect(error.reason).toEqual({
      kind: 'provider_answer_unusable',
      endpoint: JWKS,
      detail: 'no usable signing key',
    })
    answerWith(publish(first.jwk))
    advance(1)
    await look('key-1')
    answerWith(() => Response.json(body))
    advance(30)
    expect(await look('key-2')).toBe('provider_answer_unusable')
    expect(await look('key-1')).toBe('known')
  })

  test('reports a 404 as a wrong setting', async () => {
    const error = await refusalOf(createSet(() => new Response('', { status: 404 })).keys.warmUp())
    expect(error).toBeInstanceOf(MisconfigurationError)
    expect(error.reason).toEqual({ kind: 'endpoint_refused_request', endpoint: JWKS, status: 404 })
  })
})

describe('while the provider is down', () => {
  test.each([204, 401, 403, 404, 410])(
    'does not know an unknown key when the place of the keys, which worked, answers %i',
    async status => {
      const { keys, look, advance, answerWith } = createSet(publish(first.jwk))
      await look('key-1')
      answerWith(() => new Response(null, { status }))
      advance(30)
      expect(await refusalOf(keys.find(wanted('key-2')))).toBeInstanceOf(ValidatorUnavailableError)
      expect(await look('key-1')).toBe('known')
      answerWith(publish(first.jwk, second.jwk))
      advance(30)
      expect(await look('key-2')).toBe('known')
    },
  )

  test('uses the last good keys with a warning, and retries rarely', async () => {
    const { look, fetches, seen, advance, answerWith } = createSet(publish(first.jwk))
    await look('key-1')
    answerWith(down)
    for (let second = 0; second < 3600; second++) {
      advance(1)
      expect(await look('key-1')).toBe('known')
    }
    expect(fetches()).toBeLessThan(120)
    expect(seen.warnings.at(0)).toEqual([
      'The signing keys cannot be renewed; the last good ones are used.',
      { reason: 'provider_failing: endpoint https://as.example.com/jwks; status 503', ageSeconds: expect.any(Number) },
    ])
  })

  test('uses old keys for a day, and then answers keys_too_old until the provider is back', async () => {
    const { keys, look, advance, answerWith } = createSet(publish(first.jwk))
    await look('key-1')
    answerWith(down)
    advance(86_400)
    expect(await look('key-1')).toBe('known')
    advance(60)
    const error = await refusalOf(keys.find(wanted('key-1')))
    expect(error).toBeInstanceOf(ValidatorUnavailableError)
    expect(error.reason).toEqual({ kind: 'keys_too_old', endpoint: JWKS, ageSeconds: 86_460 })
    answerWith(publish(first.jwk))
    advance(60)
    expect(await look('key-1')).toBe('known')
  })

  test('fetches before it answers after days without tokens', async () => {
    const { look, advance, fetches } = createSet(publish(first.jwk))
    await look('key-1')
    advance(5 * 86_400)
    expect(await look('key-1')).toBe('known')
    expect(fetches()).toBe(2)
  })

  test('makes few requests even when no key was ever fetched', async () => {
    const { look, fetches, advance } = createSet(down)
    for (let second = 0; second < 60; second++) {
      await Promise.all(Array.from({ length: 20 }, (_, n) => look(`key-${n}`)))
      advance(1)
    }
    expect(fetches()).toBeLessThanOrEqual(7)
  })
})

test('fetches nothing for a known key that does not fit the algorithm', async () => {
  const { keys, fetches, advance } = createSet(publish(first.jwk))
  await keys.warmUp()
  advance(30)
  const error = await refusalOf(keys.find({ ...wanted('key-1'), algorithm: 'RS256' }))
  expect(error).toBeInstanceOf(InvalidTokenError)
  expect(error.reason).toEqual({ kind: 'key_mismatch', keyId: 'key-1', detail: 'does not fit RS256' })
  expect(fetches()).toBe(1)
})
