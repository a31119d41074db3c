import { describe, expect, test } from 'vitest'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { InvalidTokenError, ValidatorUnavailableError } from '../../src/errors.ts'
import { createContext, createKey, createProvider, ISSUER, mint, NOW, RESOURCE, type TestKey } from './support.ts'

const KEYS = `${ISSUER}/jwks`
const DAY = 86_400
const [a, b, c, d] = [createKey('a'), createKey('b'), createKey('c'), createKey('d')]
const renamed = (key: TestKey, kid: string | undefined) => ({
  ...key,
  kid: kid as string,
  jwk: { ...key.jwk, kid },
})

/** What a provider does from a time on. */
interface Step {
  /** Seconds since the beginning. */
  at: number
  /** What its front ends publish; each fetch reaches any of them. */
  sets: TestKey[][]
  signsWith: TestKey
}

interface Rotation {
  label: string
  steps: Step[]
  vanishedKeySeconds?: number
}

/**
 * Documented behavior. Okta, Google: the next key is published ahead, the last one stays for a while. Auth0: a key may be revoked,
 * and vanishes at once. Entra ID: front ends publish different sets, and a key vanished for 89 minutes (measured). oidc-provider
 * with keys in memory: a restart brings another key, under an id of its own choosing.
 */
const rotations: Rotation[] = [
  {
    label: 'with an overlap',
    steps: [
      { at: 0, sets: [[a]], signsWith: a },
      { at: 3_000, sets: [[a, b]], signsWith: a },
      { at: 9_000, sets: [[a, b]], signsWith: b },
      { at: 18_000, sets: [[b]], signsWith: b },
      { at: 21_000, sets: [[b, c]], signsWith: b },
      { at: 24_000, sets: [[b, c]], signsWith: c },
    ],
  },
  {
    label: 'signing at once with a key that is published at the same moment',
    steps: [
      { at: 0, sets: [[a]], signsWith: a },
      { at: 5_000, sets: [[b, a]], signsWith: b },
      { at: 5_030, sets: [[c, b, a]], signsWith: c },
    ],
  },
  {
    label: 'without an overlap',
    steps: [a, b, c, d, a].map((key, index) => ({ at: index * 5_000, sets: [[key]], signsWith: key })),
  },
  {
    label: 'without an overlap, under the same id',
    steps: [a, b, c].map((key, index) => {
      const same = renamed(key, '1')
      return { at: index * 5_000, sets: [[same]], signsWith: same }
    }),
  },
  {
    label: 'without an overlap and without ids',
    steps: [a, b, c].map((key, index) => {
      const nameless = renamed(key, undefined)
      return { at: index * 5_000, sets: [[nameless]], signsWith: nameless }
    }),
  },
  {
    label: 'withdrawn',
    steps: [
      { at: 0, sets: [[a, b]], signsWith: a },
      { at: 4_000, sets: [[a, b]], signsWith: b },
      { at: 4_100, sets: [[b]], signsWith: b },
    ],
  },
  {
    label: 'reordered, and published with other members',
    steps: [
      { at: 0, sets: [[a, b, c]], signsWith: b },
      { at: 2_000, sets: [[c, b, a]], signsWith: b },
      { at: 4_000, sets: [[b, { ...a, jwk: { ...a.jwk, x5t: 'thumbprint' } }, c]], signsWith: a },
      { at: 6_000, sets: [[{ ...a, jwk: { use: 'sig', ...a.jwk } }, c, b]], signsWith: c },
    ],
  },
  {
    label: 'vanishing and returning, as at Entra ID',
    vanishedKeySeconds: DAY,
    steps: [
      { at: 0, sets: [[a, b]], signsWith: a },
      {
        at: 3_000,
        sets: [
          [a, b],
          [a, b, c],
        ],
        signsWith: a,
      },
      {
        at: 20_000,
        sets: [
          [a, b, c],
          [a, c, b],
        ],
        signsWith: c,
      },
      { at: 30_000, sets: [[a, b]], signsWith: c },
      {
        at: 30_000 + 89 * 60,
        sets: [
          [a, b, c],
          [a, b],
        ],
        signsWith: c,
      },
      {
        at: 40_000,
        sets: [
          [b, c, d],
          [a, b],
        ],
        signsWith: c,
      },
      {
        at: 60_000,
        sets: [
          [b, c, d],
          [a, b, c],
        ],
        signsWith: b,
      },
    ],
  },
]

/** Numbers from 0 to 1 that look random, and are the same in each run. */
function numbersFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}

/** Nobody signed it; that is not looked at before the key is known. */
function madeUp(serial: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'ES256', typ: 'at+jwt', kid: `made-up-${serial}` })}.${part({ iss: ISSUER })}.AAAA`
}

function setUp({ steps, vanishedKeySeconds }: Rotation, random: () => number) {
  let seconds = 0
  const step = () => steps.findLast(({ at }) => at <= seconds) as Step
  const provider = createProvider({
    [KEYS]: () => {
      const { sets } = step()
      const set = sets[Math.floor(random() * sets.length)] as TestKey[]
      return Response.json({ keys: set.map(({ jwk }) => jwk) })
    },
  })
  const { context, advance } = createContext(provider.fetch, { refusedCacheSeconds: 5 })
  const keys = { ...(vanishedKeySeconds !== undefined && { vanishedKeySeconds }) }
  const validator = createJwtValidator(
    { issuer: ISSUER, jwksUri: KEYS, audience: { audience: [RESOURCE] }, types: ['at+jwt'], keys },
    context,
  )
  return {
    step,
    at: () => seconds,
    fetches: () => provider.requests.length,
    pass(passed: number) {
      seconds += passed
      advance(passed)
    },
    fresh: (key: TestKey) => mint(key, { iat: NOW + seconds, exp: NOW + seconds + DAY }, { kid: key.kid }),
    async verdict(token: string): Promise<'accepted' | 'refused' | number> {
      try {
        await validator.validate(token)
        return 'accepted'
      } catch (error) {
        if (error instanceof ValidatorUnavailableError) return error.retryAfterSeconds
        expect(error).toBeInstanceOf(InvalidTokenError)
        return 'refused'
      }
    },
  }
}

describe.each(rotations)('keys that are rotated $label', rotation => {
  const end = (rotation.steps.at(-1)?.at ?? 0) + 3_000

  test.each([1, 2, 3, 4, 5])('refuses no new token, and needs no retry (seed %i)', async seed => {
    const random = numbersFrom(seed)
    const { step, at, pass, fresh, verdict } = setUp(rotation, random)
    while (at() < end) {
      expect(await verdict(fresh(step().signsWith)), `after ${at()} s`).toBe('accepted')
      // Sometimes busy, sometimes idle, and often right after a change.
      const next = rotation.steps.find(step => step.at > at())?.at ?? end
      const gap = random() < 0.3 ? next - at() : 1 + random() * 400
      pass(Math.min(gap, Math.max(next - at(), 1)))
    }
  })
})

const haveIds = ({ steps }: Rotation) => steps.every(({ signsWith: { kid } }) => kid !== undefined && kid !== '1')

describe.each(rotations.filter(haveIds))('keys that are rotated $label', rotation => {
  test.each([11, 12])(
    'accepts every new token within 5 seconds while strangers make up key ids (seed %i)',
    async seed => {
      const random = numbersFrom(seed)
      const { step, at, pass, fresh, verdict, fetches } = setUp(rotation, random)
      await verdict(fresh(step().signsWith))
      let made = 0
      for (const { at: changesAt } of rotation.steps) {
        pass(Math.max(0, changesAt - 3 - at()))
        const before = fetches()
        for (let round = 0; round < 60; round++) {
          for (let n = 0; n < 10; n++) expect(await verdict(madeUp(++made))).not.toBe('accepted')
          if (round >= 30) {
            const token = fresh(step().signsWith)
            const first = await verdict(token)
            expect(first).not.toBe('refused')
            if (typeof first === 'number') {
              expect(first).toBeLessThanOrEqual(5)
              pass(first)
              expect(await verdict(token)).toBe('accepted')
            }
          }
          pass(0.1)
        }
        expect(fetches() - before).toBeLessThan(20)
      }
    },
  )
})

test.each([
  ['by default', undefined, 600],
  ['after a minute', 60, 60],
  ['at the latest after a minute, where they do not count', 0, 60],
  ['after an hour', 3600, 3600],
])('refuses tokens of a withdrawn key %s, busy or idle', async (_label, vanishedKeySeconds, seconds) => {
  const steps = [
    { at: 0, sets: [[a, b]], signsWith: b },
    { at: 1_000, sets: [[b]], signsWith: b },
  ]
  const rotation = { label: '', steps, ...(vanishedKeySeconds !== undefined && { vanishedKeySeconds }) }
  const busy = setUp(rotation, numbersFrom(7))
  while (busy.at() < 1_000) {
    expect(await busy.verdict(busy.fresh(a))).toBe('accepted')
    busy.pass(10)
  }
  while (busy.at() <= 1_000 + seconds) {
    await busy.verdict(busy.fresh(b))
    busy.pass(10)
  }
  expect(await busy.verdict(busy.fresh(a))).toBe('refused')
  expect(await busy.verdict(busy.fresh(b))).toBe('accepted')

  const idle = setUp(rotation, numbersFrom(8))
  expect(await idle.verdict(idle.fresh(a))).toBe('accepted')
  idle.pass(1_000 + seconds + 1)
  expect(await idle.verdict(idle.fresh(a))).toBe('refused')
})
