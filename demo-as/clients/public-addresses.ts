import ipaddr from 'ipaddr.js'

/** What is in use as public unicast space (RFC 4291 §2.4). IPv4-compatible and site-local addresses lie outside. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number]
/** Networks without IPv4 reach the public IPv4 hosts by these addresses (RFC 6052 §2.1). */
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96') as [ipaddr.IPv6, number]

/**
 * Whether an address belongs to a host on the public internet, and to none of the special-use ranges (RFC 6890 and the
 * IANA registries). An IPv4 address inside an IPv6 one (mapped, or NAT64's well-known prefix) is judged as what it is; every
 * other form of embedding is refused.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (parsed instanceof ipaddr.IPv4) return parsed.range() === 'unicast'
  if (parsed.match(NAT64)) return isPublicAddress(parsed.toByteArray().slice(12).join('.'))
  return parsed.range() === 'unicast' && parsed.match(GLOBAL_UNICAST)
}
