import { expect } from 'vitest'
import { authFrom } from '../../../auth/auth-from.ts'
import { InvalidTokenError } from '../../../src/errors.ts'
import type { TokenValidator } from '../../../src/token-validator.ts'
import { acceptedToken } from '../../support/tokens.ts'
import type { Behavior } from '../edge-fixture.ts'
import { expectReadable } from '../expect-refusal.ts'
import { APP, eventStream, files } from '../world.ts'

/** Answers for as long as nobody revokes. */
export function revocable() {
  let isRevoked = false
  const validate = async () => {
    if (isRevoked) throw new InvalidTokenError({ kind: 'inactive' })
    return acceptedToken({ scopes: ['files:read'] })
  }
  const validator: TokenValidator = {
    issuers: ['https://issuer.example'],
    warmUp: () => Promise.resolve(),
    validate,
    verifyAccessToken: () => Promise.reject(new Error('not asked')),
  }
  const revoke = () => {
    isRevoked = true
  }
  return { validator, revoke }
}

const SECOND = 1_000

export const streams: readonly Behavior[] = [
  {
    name: 'sends an event stream as it comes, readable for web pages',
    async run(makeWorld) {
      const { openStream } = await makeWorld()
      const stream = await openStream({ headers: { origin: APP } })
      expect(stream.status).toBe(200)
      expect(stream.headers['content-type']).toBe('text/event-stream')
      expectReadable(stream.headers)
      expect(await stream.read()).toBe(': open\n\n')
      stream.hangUp()
      await expect(stream.ended).rejects.toThrow()
    },
  },
  {
    name: 'ends an event stream when its token expires',
    async run(makeWorld) {
      let now = Date.now()
      const { openStream, sendWithToken, issuer } = await makeWorld({
        env: { TOKEN_CACHE_SECONDS: '1', CLOCK_TOLERANCE_SECONDS: '0' },
        now: () => now,
      })
      const token = await issuer.token({ scopes: ['files:read'], expiresInSeconds: 60 })
      const stream = await openStream({ token })
      await stream.read()
      now += 61 * SECOND
      await stream.ended
      expect((await sendWithToken({ token })).status).toBe(401)
    },
  },
  {
    name: 'ends an event stream when its token is revoked',
    async run(makeWorld) {
      const { validator, revoke } = revocable()
      const auth = authFrom(files, validator, { observer: {}, recheckSeconds: 1 })
      const { openStream } = await makeWorld({ mounted: [{ path: '/mcp', auth }] })
      const stream = await openStream({ token: 'abc' })
      await stream.read()
      revoke()
      await stream.ended
    },
  },
  {
    name: 'tells the handler of a client that hangs up in the middle of a stream',
    async run(makeWorld) {
      const cancelled = Promise.withResolvers<void>()
      const { openStream } = await makeWorld({ handler: () => eventStream(cancelled.resolve) })
      const stream = await openStream()
      await stream.read()
      stream.hangUp()
      await cancelled.promise
      await expect(stream.ended).rejects.toThrow()
    },
  },
]
