/**
 * Makes a value that stems from a token or a provider fit for a log line: text only, at most 200 characters, no control
 * characters.
 */
export function clip(value: unknown): string {
  const text = typeof value === 'string' ? value : value === undefined ? '(absent)' : jsonOf(value)
  const printable = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')
  return printable.length > 200 ? `${printable.slice(0, 200)}…` : printable
}

/** Tokens can nest deeper than the stack, which `JSON.parse` does not mind and `JSON.stringify` does. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value
  } catch {
    return `(${typeof value})`
  }
}
