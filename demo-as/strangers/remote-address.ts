import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'

/** Whom a limit is counted for: the address of a caller, of IPv6 the network, since one caller has all of its addresses. */
export type CallerOf = (req: IncomingMessage) => string

/**
 * @param trustedProxies - Addresses and CIDR ranges.
 * @throws {TypeError} One of them is neither.
 */
export function createCallerOf(trustedProxies: readonly string[]): CallerOf {
  const addressOf = createAddressOf(trustedProxies)
  // A request is counted several times, and its sender comes back.
  const networks = new LRUCache<string, string>({ max: MAX_NETWORKS, memoMethod: networkOf })
  return req => networks.memo(addressOf(req))
}

const MAX_NETWORKS = 1000

/**
 * The address that a request comes from. Reads `X-Forwarded-For` from the right, as long as it was a trusted proxy that wrote the
 * entry; what stands further left anybody can have made up.
 *
 * @param trustedProxies - Addresses and CIDR ranges.
 * @throws {TypeError} One of them is neither.
 */
export function createAddressOf(trustedProxies: readonly string[]): (req: IncomingMessage) => string {
  const ranges = trustedProxies.map(rangeOf)
  const isTrusted = (address: string) => {
    const parsed = ipaddr.process(address)
    return ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
  }

  return req => {
    const { remoteAddress: address = '' } = req.socket
    if (ranges.length === 0) return address
    const hops = (req.headers['x-forwarded-for'] ?? '').toString().split(',')
    let sender = address
    while (ipaddr.isValid(sender) && isTrusted(sender)) {
      const next = hops.pop()?.trim() ?? ''
      if (!ipaddr.isValid(next)) break
      sender = next
    }
    return sender
  }
}

/** @throws {TypeError} The text is neither an address nor a CIDR range. */
function rangeOf(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text)
  if (!ipaddr.isValid(text)) throw new TypeError(`${text} is neither an IP address nor a range such as 10.0.0.0/8`)
  const address = ipaddr.process(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  return ipaddr.IPv6.networkAddressFromCIDR(`${parsed}/64`).toString()
}
