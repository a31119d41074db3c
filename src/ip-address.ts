/** An address of either kind: eight groups of 16 bits. IPv4 is mapped into IPv6 (RFC 4291 §2.5.5.2). */
export type IpAddress = readonly number[]

/** A network, by its address and the number of bits that count, of 128. */
export interface IpRange {
  readonly address: IpAddress
  readonly bits: number
}

const MAPPED = [0, 0, 0, 0, 0, 0xffff]

/** Reads an address in any spelling. `undefined`: it is none. */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const groups = parseIpv4(text)
    return groups && [...MAPPED, ...groups]
  }
  const halves = text.replace(/%[\w.:-]+$/, '').split('::')
  if (halves.length > 2) return undefined
  const isShortened = halves.length === 2
  const [head, tail] = [groupsOf(halves[0] ?? '', !isShortened), groupsOf(halves[1] ?? '', isShortened)]
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (isShortened ? missing < 1 : missing !== 0) return undefined
  return [...head, ...Array<number>(missing).fill(0), ...tail]
}

/** Reads an address or a CIDR range. `undefined`: it is neither. */
export function parseIpRange(text: string): IpRange | undefined {
  const [address = '', prefix, ...rest] = text.split('/')
  const parsed = parseIpAddress(address)
  const own = address.includes(':') ? 128 : 32
  if (!parsed || rest.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return undefined
  const bits = Number(prefix ?? own)
  return bits > own ? undefined : { address: parsed, bits: 128 - own + bits }
}

export function isWithin(address: IpAddress, range: IpRange): boolean {
  return range.address.every((group, index) => {
    const bits = Math.min(16, Math.max(0, range.bits - index * 16))
    const mask = (0xffff << (16 - bits)) & 0xffff
    return (((address[index] ?? 0) ^ group) & mask) === 0
  })
}

/** Whom an address belongs to, as far as it tells: an IPv4 address, or the /64 of an IPv6 address, which one household has whole. */
export function networkOf(text: string): string {
  const address = parseIpAddress(text)
  if (!address) return text.slice(0, 64)
  const isIpv4 = MAPPED.every((group, index) => address[index] === group)
  return (isIpv4 ? address : address.slice(0, 4)).map(group => group.toString(16)).join(':')
}

/** Zeros in front are refused: some software reads such numbers as octal. */
function parseIpv4(text: string): number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined
  const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number)
  return [a * 256 + b, c * 256 + d]
}

/** Groups between colons. The last one of an address may be an IPv4 address, which stands for two. */
function groupsOf(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    const ipv4 = isEnd && part.includes('.') && index === parts.length - 1 ? parseIpv4(part) : undefined
    if (ipv4) groups.push(...ipv4)
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}
