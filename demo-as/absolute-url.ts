/**
 * Says what is wrong with a URL that a client names as its own, or `undefined`.
 *
 * Only the spelling that the URL parser itself would write is accepted; a slash may be missing after a bare host. That leaves no room
 * for control characters, backslashes, dot segments (plain or percent-encoded), numeric hosts, and whatever else one parser reads as
 * another does not.
 */
export function absoluteUrlProblem(value: string): string | undefined {
  const url = URL.parse(value)
  if (!url) return 'is not an absolute URI'
  if (url.href.includes('#')) return 'has a fragment'
  if (url.username || url.password) return 'has credentials in it'
  if (value !== url.href && `${value}/` !== url.href) return `is not in its normal spelling, ${url.href}`
  // Another name for the same host, that URL parsers leave alone.
  if (url.hostname.endsWith('.')) return 'has a dot at the end of its host'
  return undefined
}
