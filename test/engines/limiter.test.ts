import { describe, expect, it } from 'vitest'
import { createLimiter } from '../../src/engines/limiter.ts'
import { ValidatorUnavailableError } from '../../src/errors.ts'

/** Tasks that run until they are told to end. */
function heldTasks() {
  const ends: (() => void)[] = []
  let running = 0
  let most = 0
  return {
    task: async () => {
      most = Math.max(most, ++running)
      await new Promise<void>(resolve => ends.push(resolve))
      running--
    },
    most: () => most,
    /** Ends tasks until none has been started for a turn of the event loop. */
    async endAll() {
      while (ends.length > 0) {
        for (const end of ends.splice(0)) end()
        await new Promise(resolve => setImmediate(resolve))
      }
    },
  }
}

describe('createLimiter', () => {
  it('runs 64 tasks at a time and the others in turn', async () => {
    const limited = createLimiter(() => 'https://issuer.example')
    const { task, most, endAll } = heldTasks()
    const done = Array.from({ length: 1000 }, () => limited(task))
    await endAll()
    await Promise.all(done)
    expect(most()).toBe(64)
  })

  it('turns away with too_many_unknown_tokens when 1,000 wait already, and takes tasks again afterwards', async () => {
    const limited = createLimiter(() => 'https://issuer.example')
    const { task, endAll } = heldTasks()
    const taken = Array.from({ length: 1064 }, () => limited(task))
    const error = await limited(task).catch(error => error)
    expect(error).toBeInstanceOf(ValidatorUnavailableError)
    expect(error).toMatchObject({
      retryAfterSeconds: 1,
      reason: { kind: 'too_many_unknown_tokens', endpoint: 'https://issuer.example', waiting: 1000 },
    })
    await endAll()
    await Promise.all(taken)
    const again = limited(async () => 'done')
    await expect(again).resolves.toBe('done')
  })

  it('goes on after tasks that failed', async () => {
    const limited = createLimiter(() => 'https://issuer.example')
    const failing = Array.from({ length: 200 }, () => limited(() => Promise.reject(new Error('x'))))
    expect((await Promise.allSettled(failing)).every(({ status }) => status === 'rejected')).toBe(true)
    await expect(limited(async () => 'done')).resolves.toBe('done')
  })
})
