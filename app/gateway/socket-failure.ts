/**
 * What a server said in front of its answer that undici takes for the end of the connection, although nobody had asked for it. Of `100
 * Continue` it keeps a message only; interim answers such as `103 Early Hints` it passes over.
 *
 * @returns In words for the log; `undefined` for every other failure.
 */
export function unaskedInterim(error: unknown): string | undefined {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException
  if (code !== 'UND_ERR_SOCKET') return undefined
  if (message === 'bad response') return 'the target sent 100 Continue, for which nobody asked'
  return message === 'bad upgrade' ? 'the target switched protocols, for which nobody asked' : undefined
}
