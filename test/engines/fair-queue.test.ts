import { describe, expect, it } from 'vitest'
import { createFairQueue } from '../../src/engines/fair-queue.ts'
import { ValidatorUnavailableError } from '../../src/errors.ts'

const STRANGER = '192.0.2.1'

/** A queue, and tasks that run until they are told to end. */
function setUp() {
  const queue = createFairQueue(() => 'https://issuer.example')
  const ends: (() => void)[] = []
  const started: (string | undefined)[] = []
  const refused: [string | undefined, ValidatorUnavailableError][] = []
  let running = 0
  let most = 0
  const come = (address: string | undefined) =>
    queue(address, async () => {
      started.push(address)
      most = Math.max(most, ++running)
      await new Promise<void>(resolve => ends.push(resolve))
      running--
    }).catch(error => void refused.push([address, error]))
  const crowd = (address: string | undefined, length: number) => Array.from({ length }, () => come(address))
  const turn = () => new Promise(resolve => setImmediate(resolve))
  return {
    queue,
    come,
    crowd,
    started,
    refused,
    most: () => most,
    turn,
    /** Ends the task that began first. */
    async endOne() {
      ends.shift()?.()
      await turn()
    },
    /** Ends tasks until none has been started for a turn of the event loop. */
    async endAll() {
      while (ends.length > 0) {
        for (const end of ends.splice(0)) end()
        await turn()
      }
    },
  }
}

describe('createFairQueue', () => {
  it('runs at most 48 tasks of one address at a time, and at most 64 in all', async () => {
    const one = setUp()
    const ofOne = one.crowd(STRANGER, 400)
    await one.endAll()
    await Promise.all(ofOne)
    expect(one.most()).toBe(48)
    expect(one.started).toHaveLength(400)

    const all = setUp()
    const ofAll = Array.from({ length: 400 }, (_, n) => all.come(`192.0.2.${n % 10}`))
    await all.endAll()
    await Promise.all(ofAll)
    expect(all.most()).toBe(64)
  })

  it('starts a task of another address at once while one address floods', async () => {
    const { crowd, come, started, turn, endAll } = setUp()
    const flood = crowd(STRANGER, 1400)
    const good = come('192.0.2.2')
    await turn()
    expect(started.at(-1)).toBe('192.0.2.2')
    await endAll()
    await Promise.all([...flood, good])
  })

  it('serves addresses in turn when all places are taken', async () => {
    const { crowd, come, started, endOne, endAll } = setUp()
    const floods = [crowd(STRANGER, 500), crowd('198.51.100.1', 500)].flat()
    const good = come('192.0.2.2')
    for (let ended = 0; ended < 3; ended++) await endOne()
    expect(started.slice(64)).toContain('192.0.2.2')
    await endAll()
    await Promise.all([...floods, good])
  })

  it.each([
    ['one IPv6 network', (n: number) => `2001:db8:0:1::${n.toString(16)}`],
    ['one IPv4 address, mapped or not', (n: number) => (n % 2 ? '192.0.2.9' : '::ffff:192.0.2.9')],
    ['nobody knows which address', () => undefined],
  ])('counts several addresses as one: %s', async (_label, addressOf) => {
    const { come, most, endAll } = setUp()
    const done = Array.from({ length: 200 }, (_, n) => come(addressOf(n)))
    await endAll()
    await Promise.all(done)
    expect(most()).toBe(48)
  })

  it('refuses more than 500 waiting tasks of one address with too_many_unknown_tokens, and no tasks of others', async () => {
    const { crowd, come, refused, turn, endAll } = setUp()
    const flood = crowd(STRANGER, 600)
    const good = come('192.0.2.2')
    await turn()
    expect(refused).toHaveLength(600 - 548)
    expect(refused[0]?.[1]).toBeInstanceOf(ValidatorUnavailableError)
    expect(refused[0]?.[1]).toMatchObject({
      retryAfterSeconds: 1,
      reason: { kind: 'too_many_unknown_tokens', endpoint: 'https://issuer.example', waiting: 500 },
    })
    await endAll()
    await Promise.all([...flood, good])
    expect(new Set(refused.map(([address]) => address))).toEqual(new Set([STRANGER]))
  })

  it('drops a task of the address with the most tasks when the queue is full', async () => {
    const { crowd, come, refused, started, turn, endAll } = setUp()
    const floods = [crowd(STRANGER, 700), crowd('198.51.100.1', 700), crowd('203.0.113.1', 10)].flat()
    const good = come('192.0.2.2')
    await turn()
    expect(refused.map(([address]) => address)).not.toContain('203.0.113.1')
    expect(refused.map(([address]) => address)).not.toContain('192.0.2.2')
    await endAll()
    await Promise.all([...floods, good])
    expect(started).toContain('192.0.2.2')
    expect(started.length + refused.length).toBe(1411)
  })

  it('continues after a task fails', async () => {
    const { queue } = setUp()
    const failing = Array.from({ length: 200 }, () => queue(STRANGER, () => Promise.reject(new Error('x'))))
    expect((await Promise.allSettled(failing)).every(({ status }) => status === 'rejected')).toBe(true)
    await expect(queue(STRANGER, async () => 'done')).resolves.toBe('done')
  })
})
