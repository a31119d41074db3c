/**
 * The scopes that a parameter, a claim or a record names, each once (RFC 6749 §3.3). Order means nothing, and neither do spaces
 * that separate nothing. What is not text names none.
 */
export function scopesIn(text: unknown): ReadonlySet<string> {
  return new Set(typeof text === 'string' ? text.split(' ').filter(Boolean) : [])
}

/** The scopes among `known` that `text` names, in the order of `known`. */
export function namedScopes(text: unknown, known: readonly string[]): string[] {
  const named = scopesIn(text)
  return known.filter(scope => named.has(scope))
}
