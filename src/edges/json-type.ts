/** Whether a `Content-Type` is that of JSON, whatever its parameters. */
export function isJsonType(type: string | undefined | null): boolean {
  return type === 'application/json' || /^application\/json *(?:$|;)/i.test(type ?? '')
}
