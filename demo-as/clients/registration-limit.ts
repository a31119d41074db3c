import type { IncomingMessage } from 'node:http'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { type CallerOf, createCallerOf } from './remote-address.ts'

export interface RegistrationLimitOptions {
  /** Registrations of one address (of IPv6 one /64) in 10 minutes. Default 120. */
  perAddress?: number
  /** Registrations in 10 minutes, whoever asks. Default 2,000. */
  inTotal?: number
  /** Addresses and CIDR ranges of proxies whose `X-Forwarded-For` is believed. Default: none. */
  trustedProxies?: readonly string[]
}

const SECONDS = 600

/**
 * Counts in this process what callers register.
 *
 * @returns For a request that is one too many, the seconds until the next is welcome.
 * @throws {TypeError} A trusted proxy is no address and no range.
 */
export function createRegistrationLimit({
  perAddress = 120,
  inTotal = 2000,
  trustedProxies = [],
}: RegistrationLimitOptions): (req: IncomingMessage) => Promise<number | undefined> {
  const callerOf: CallerOf = createCallerOf(trustedProxies)
  const each = new RateLimiterMemory({ points: perAddress, duration: SECONDS })
  const all = new RateLimiterMemory({ points: inTotal, duration: SECONDS })
  return async req => {
    try {
      await each.consume(callerOf(req))
      await all.consume('all')
      return undefined
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused
      return Math.max(1, Math.ceil(refused.msBeforeNext / 1000))
    }
  }
}
