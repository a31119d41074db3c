import { ValidatorUnavailableError } from '../errors.ts'
import { networkOf } from '../ip-address.ts'

/** Most questions that are put to the provider at the same time: of everybody, and of one address. */
const MAX_RUNNING = { all: 64, each: 48 }

/** Most tokens that wait for their turn. Each costs a request its time, and this process some memory. */
const MAX_WAITING = { all: 1000, each: 500 }

/** Address of those whose address is not known. They share one share. */
const UNKNOWN = ''

interface Waiting {
  start(): void
  turnAway(): void
}

/** What one address has under way. */
interface Share {
  running: number
  readonly waiting: Waiting[]
}

/**
 * Keeps a flood of tokens that nobody has seen yet away from the provider: only so many questions at a time, the others in
 * turn. Known tokens are answered from the cache and do not come here.
 *
 * The turns go round the addresses that wait (of IPv6, the /64 networks), and no address takes all places: a flood from one
 * address keeps nobody else waiting. Where too many wait, the address with the most in the queue gives way.
 *
 * @param endpoint - Who is asked, for the reason.
 * @returns Runs a task in its turn, or throws `ValidatorUnavailableError` when too many wait already.
 */
export function createFairQueue(
  endpoint: () => string,
): <T>(address: string | undefined, task: () => Promise<T>) => Promise<T> {
  /** Of addresses that have something under way, the one whose turn is next first. */
  const shares = new Map<string, Share>()
  let running = 0
  let waiting = 0

  const hasRoom = (share: Share) => running < MAX_RUNNING.all && share.running < MAX_RUNNING.each

  function startNext(): void {
    for (const [name, share] of shares) {
      if (!hasRoom(share)) continue
      const next = share.waiting.shift()
      if (!next) continue
      waiting--
      shares.delete(name)
      shares.set(name, share)
      next.start()
      return
    }
  }

  function makeRoom(share: Share): void {
    if (share.waiting.length >= MAX_WAITING.each) throw tooMany()
    if (waiting < MAX_WAITING.all) return
    let longest = share
    for (const other of shares.values()) if (other.waiting.length > longest.waiting.length) longest = other
    if (longest.waiting.length <= share.waiting.length + 1) throw tooMany()
    longest.waiting.pop()?.turnAway()
    waiting--
  }

  function tooMany(): ValidatorUnavailableError {
    return new ValidatorUnavailableError(
      { kind: 'too_many_unknown_tokens', endpoint: endpoint(), waiting },
      { retryAfterSeconds: 1 },
    )
  }

  return async (address, task) => {
    const name = address === undefined ? UNKNOWN : networkOf(address)
    const share = shares.get(name) ?? { running: 0, waiting: [] }
    // Whoever starts counts at once, so that nobody slips in between.
    const start = () => {
      running++
      share.running++
    }
    if (hasRoom(share)) {
      shares.set(name, share)
      start()
    } else {
      makeRoom(share)
      shares.set(name, share)
      waiting++
      await new Promise<void>((resolve, reject) => {
        share.waiting.push({
          start() {
            start()
            resolve()
          },
          turnAway: () => reject(tooMany()),
        })
      })
    }
    try {
      return await task()
    } finally {
      running--
      share.running--
      if (share.running === 0 && share.waiting.length === 0) shares.delete(name)
      startNext()
    }
  }
}
