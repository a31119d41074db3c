import { clip, networkFailure } from 'idplug/internal'

const MILLISECONDS = 10_000

/** Answered by every server that speaks MCP, if only by an error; it begins no session and changes nothing. */
const PING = { jsonrpc: '2.0', id: 'idplug', method: 'ping' }

/**
 * Asks a target once whether it is an MCP endpoint, before a person signs in and meets what is wrong with it.
 *
 * @param headers - Of a credential for the target. Default: none.
 * @returns What is wrong and what to do, in two sentences; `undefined` where nothing seems to be.
 */
export async function targetProblem(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  fetch: typeof globalThis.fetch = globalThis.fetch,
): Promise<string | undefined> {
  const { origin, pathname } = new URL(url)
  // A query may hold a secret.
  const place = origin + pathname
  let answer: Response
  try {
    answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
      body: JSON.stringify(PING),
      redirect: 'manual',
      signal: AbortSignal.timeout(MILLISECONDS),
    })
    await answer.body?.cancel()
  } catch (error) {
    if ((error as Error).name === 'TimeoutError')
      return `${place} did not answer within ${MILLISECONDS / 1000} seconds.`
    const { detail } = networkFailure(error)
    return `${place} cannot be reached (${detail}). Start it, or correct its URL (--to).`
  }
  const { status } = answer
  const type = answer.headers.get('content-type')?.split(';')[0]
  if (status === 401 || status === 403) {
    return `${place} wants a credential of its own (status ${status}). Give it one with --credential-env, or turn its sign-in off.`
  }
  if (status === 404) return `there is nothing at ${place} (status 404). Correct the path of its URL (--to).`
  if (status === 405) {
    return `${place} takes no messages (status 405). Correct the path of its URL (--to), or add --transport sse for a server of 2024-11-05.`
  }
  if (status >= 300 && status < 400) {
    return `${place} redirects to ${clip(answer.headers.get('location'))} (status ${status}). Correct its URL (--to).`
  }
  if (type === 'text/html')
    return `${place} answers with text/html, which no MCP server does. Correct the path of its URL (--to).`
  return undefined
}
