/** A challenge for access tokens (RFC 9110 §11.6.1). */
export interface Challenge {
  /** `DPoP` where only tokens that are bound to a key are taken (RFC 9449 §7.1). */
  readonly scheme: 'Bearer' | 'DPoP'
  /** As it was sent. */
  readonly text: string
  /** Names in lower case, values without quotes. */
  readonly parameters: Readonly<Record<string, string>>
}

/** The Bearer challenge of a `WWW-Authenticate` header, else the one for DPoP; `undefined` where there is neither. */
export function parseChallenge(header: string | null): Challenge | undefined {
  if (header === null) return undefined
  const starts = { Bearer: header.search(/(^|,\s*)bearer(\s|$)/i), DPoP: header.search(/(^|,\s*)dpop(\s|$)/i) }
  const scheme = starts.Bearer === -1 ? 'DPoP' : 'Bearer'
  const start = starts[scheme]
  if (start === -1) return undefined
  const text = header.slice(start).replace(/^,\s*/, '').slice(0, 4096)
  const parameters: Record<string, string> = {}
  for (const [, name = '', quoted, token] of text.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    parameters[name.toLowerCase()] ??= quoted?.replace(/\\(.)/g, '$1') ?? token ?? ''
  }
  return { scheme, text, parameters }
}
