/**
 * Makes a value that stems from a token or a provider fit for a log line: text only, at most 200 characters, no control
 * characters.
 */
export function clip(value: unknown): string {
  const text = typeof value === 'string' ? value : value === undefined ? '(absent)' : jsonOf(value)
  return shortened(text, 200)
}

/** Makes a longer text fit for a terminal, such as a sentence of ours with parts that were clipped each. */
export function shortened(text: string, most: number): string {
  const printable = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')
  return printable.length > most ? `${printable.slice(0, most)}…` : printable
}

/** Tokens can nest deeper than the stack, which `JSON.parse` does not mind and `JSON.stringify` does. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value
  } catch {
    return `(${typeof value})`
  }
}
