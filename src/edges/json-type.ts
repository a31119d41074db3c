/** Whether a `Content-Type` is that of JSON. Bodies are read as UTF-8, as JSON is (RFC 8259 §8.1), so other charsets are none of ours. */
export function isJsonType(type: string | undefined | null): boolean {
  if (type === 'application/json') return true
  if (!/^application\/json *(?:$|;)/i.test(type ?? '')) return false
  const [, charset = 'utf-8'] = /; *charset *= *"?([^";, ]*)/i.exec(type ?? '') ?? []
  return /^(?:utf-?8|us-ascii)$/i.test(charset)
}
