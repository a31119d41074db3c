import { clip, closest } from 'idplug/internal'

/**
 * How a value of a token differs from one that would have passed, where the difference is as small as that between two spellings of the
 * same thing: a port, a slash, `http`, the name of this machine.
 *
 * @returns `undefined` where no pair is near.
 */
export function nearMiss(actual: readonly string[], expected: readonly string[]): string | undefined {
  for (const seen of actual) {
    for (const wanted of expected) {
      const difference = differenceOf(seen, wanted)
      if (difference !== undefined) return `${clip(seen)} differs from ${clip(wanted)} ${difference}`
    }
  }
  return undefined
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

function differenceOf(seen: string, wanted: string): string | undefined {
  if (seen.replace(/\/$/, '') === wanted.replace(/\/$/, '')) return 'in the slash at its end'
  if (seen.trim().toLowerCase() === wanted.toLowerCase()) return 'in upper and lower case, or in blanks'
  if (!/^https?:/.test(seen) || !/^https?:/.test(wanted) || !URL.canParse(seen) || !URL.canParse(wanted)) {
    // Between short words a letter or two make another one.
    return wanted.length >= 8 && closest(seen, [wanted]) ? 'in a letter or two' : undefined
  }
  const [a, b] = [new URL(seen), new URL(wanted)]
  const parts = [
    a.protocol === b.protocol ? '' : `${a.protocol}// instead of ${b.protocol}//`,
    a.hostname === b.hostname ? '' : `host ${a.hostname} instead of ${b.hostname}`,
    a.port === b.port ? '' : `port ${portOf(a)} instead of ${portOf(b)}`,
    pathOf(a) === pathOf(b) ? '' : `path ${pathOf(a)} instead of ${pathOf(b)}`,
  ].filter(Boolean)
  const isSameHost = a.hostname === b.hostname || [a, b].every(({ hostname }) => LOOPBACK.includes(hostname))
  return isSameHost && parts.length <= 2 ? `in ${parts.join(' and ')}` : undefined
}

const pathOf = ({ pathname, search }: URL) => pathname + search
const portOf = ({ port, protocol }: URL) => port || (protocol === 'https:' ? '443' : '80')
