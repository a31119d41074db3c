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

/**
 * What a target sent that cannot be read as an answer: somebody answers, so it is not away.
 *
 * @returns In words for the log; `undefined` for every other failure.
 */
export function unreadableAnswer(error: unknown): string | undefined {
  const { name, code, message = '' } = (error ?? {}) as NodeJS.ErrnoException
  // In parentheses stands what the parser did not like; nothing of the answer.
  if (name === 'HTTPParserError')
    return `the target does not keep to HTTP/1.1${/ \([^()]*\)$/.exec(message)?.[0] ?? ''}`
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'the target sent more than 16 KiB of headers'
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return 'the target gave its answer a wrong Content-Length, or two'
  return undefined
}
