import type { RequestHead } from '../auth.ts'
import { type IpRange, isWithin, parseIpAddress, parseIpRange } from '../ip-address.ts'
import type { TokenSender } from '../token-validator.ts'

/**
 * Who sent a request that came through proxies. `X-Forwarded-For` is read from the right, as long as a trusted proxy wrote the
 * entry; anybody can have made up what stands further left.
 *
 * @param trustedProxies - Addresses and CIDR ranges. None: the request says itself where it came from.
 * @returns The address is worked out when it is asked for: most requests never need it.
 * @throws {TypeError} One of the proxies is neither an address nor a range.
 */
export function createSenderOf(trustedProxies: readonly string[]): (head: RequestHead) => TokenSender {
  if (trustedProxies.length === 0) return head => head
  const ranges = trustedProxies.map(rangeOf)
  return head => new ForwardedSender(head, ranges)
}

class ForwardedSender implements TokenSender {
  readonly #head: RequestHead
  readonly #ranges: readonly IpRange[]

  constructor(head: RequestHead, ranges: readonly IpRange[]) {
    this.#head = head
    this.#ranges = ranges
  }

  get address(): string | undefined {
    const hops = this.#head.header('x-forwarded-for').join(',').split(',')
    let { address } = this.#head
    while (address !== undefined && this.#isTrusted(address)) {
      const next = hops.pop()?.trim() ?? ''
      if (!parseIpAddress(next)) break
      address = next
    }
    return address
  }

  #isTrusted(text: string): boolean {
    const address = parseIpAddress(text)
    return address !== undefined && this.#ranges.some(range => isWithin(address, range))
  }
}

function rangeOf(text: string): IpRange {
  const range = parseIpRange(text)
  if (!range) throw new TypeError(`${text} is neither an IP address nor a range such as 10.0.0.0/8`)
  return range
}
