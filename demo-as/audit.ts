import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createAddressOf } from './strangers/remote-address.ts'

/** Told what was decided. Gets no token and no secret. */
export type Log = (event: string, facts: Readonly<Record<string, unknown>>) => void

/** Ties what is logged to the request that it was decided for. */
export interface Audit {
  /** Adds to the facts the `requestId` and the `address` of the request that is answered at the moment, if any. */
  readonly log: Log
  /** Answers a request. Its client gets the id, too: `X-Request-Id`. */
  during<T>(req: IncomingMessage, res: ServerResponse, answer: () => T): T
}

/**
 * @param trustedProxies - Addresses and CIDR ranges of proxies whose `X-Forwarded-For` is believed.
 * @throws {TypeError} One of them is neither.
 */
export function createAudit(log: Log, trustedProxies: readonly string[]): Audit {
  const addressOf = createAddressOf(trustedProxies)
  const requests = new AsyncLocalStorage<{ requestId: string; address: string }>()
  return {
    log: (event, facts) => log(event, { ...facts, ...requests.getStore() }),
    during(req, res, answer) {
      const requestId = randomUUID()
      res.setHeader('x-request-id', requestId)
      return requests.run({ requestId, address: addressOf(req) }, answer)
    },
  }
}
