/** A `Bearer` challenge (RFC 9110 §11.6.1). */
export interface Challenge {
  /** As it was sent. */
  readonly text: string
  /** Names in lower case, values without quotes. */
  readonly parameters: Readonly<Record<string, string>>
}

/** The Bearer challenge of a `WWW-Authenticate` header; `undefined` where there is none. */
export function parseChallenge(header: string | null): Challenge | undefined {
  const start = header === null ? -1 : header.search(/(^|,\s*)bearer(\s|$)/i)
  if (header === null || start === -1) return undefined
  const text = header.slice(start).replace(/^,\s*/, '').slice(0, 4096)
  const parameters: Record<string, string> = {}
  for (const [, name = '', quoted, token] of text.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    parameters[name.toLowerCase()] ??= quoted?.replace(/\\(.)/g, '$1') ?? token ?? ''
  }
  return { text, parameters }
}
