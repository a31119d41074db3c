import { randomUUID } from 'node:crypto'
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/client'
import { version } from '../version.ts'

export const MODERN = '2026-07-28'

/** HeaderMismatch (SEP-2243). */
const HEADER_MISMATCH = -32020

/**
 * `fetch` for a server that may be hostile: follows no redirect, and reads so many bytes of all answers together.
 *
 * @param deadline - Ends every request.
 */
export function boundedFetch(deadline: AbortSignal, maxBytes: number): typeof globalThis.fetch {
  let left = maxBytes
  return async (input, init) => {
    const signal = init?.signal ? AbortSignal.any([init.signal, deadline]) : deadline
    const response = await fetch(input, { ...init, redirect: 'manual', signal })
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      throw new Error('it redirects, and redirects are not followed: give the URL that it redirects to')
    }
    const counted = response.body?.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          left -= chunk.length
          if (left < 0) controller.error(new Error(`it sent more than ${maxBytes / 1e6} MB`))
          else controller.enqueue(chunk)
        },
      }),
    )
    const { status, statusText, headers } = response
    return new Response(counted ?? null, { status, statusText, headers })
  }
}

/**
 * Whether a server of 2026-07-28 refuses a request whose `Mcp-Method` or `Mcp-Name` differs from its body, as the revision demands.
 * No tool is called: the names are random.
 *
 * @returns `undefined` when that could not be found out.
 */
export async function comparesHeaders(
  url: string,
  headers: Readonly<Record<string, string>>,
  fetch: typeof globalThis.fetch,
  notes: string[],
): Promise<boolean | undefined> {
  const [name, other] = [`idplug-scan-${randomUUID()}`, `idplug-scan-${randomUUID()}`]
  const isRefused = (method: string, params: object, named: Record<string, string>) =>
    isMismatch(url, { method, params }, { ...headers, ...named }, fetch)
  try {
    // A server that refuses everything compares nothing.
    const isRefusedAnyway =
      (await isRefused('tools/list', {}, { 'mcp-method': 'tools/list' })) ||
      (await isRefused('tools/call', { name, arguments: {} }, { 'mcp-method': 'tools/call', 'mcp-name': name }))
    if (isRefusedAnyway) {
      notes.push(
        'Whether it compares the headers Mcp-Method and Mcp-Name with the body is not known: it refuses matching ones, too.',
      )
      return undefined
    }
    return (
      (await isRefused('tools/list', {}, { 'mcp-method': 'prompts/list' })) &&
      (await isRefused('tools/call', { name, arguments: {} }, { 'mcp-method': 'tools/list', 'mcp-name': name })) &&
      (await isRefused('tools/call', { name, arguments: {} }, { 'mcp-method': 'tools/call', 'mcp-name': other }))
    )
  } catch {
    notes.push(
      'Whether it compares the headers Mcp-Method and Mcp-Name with the body could not be found out: it gave no answer.',
    )
    return undefined
  }
}

async function isMismatch(
  url: string,
  { method, params }: { method: string; params: object },
  headers: Readonly<Record<string, string>>,
  fetch: typeof globalThis.fetch,
): Promise<boolean> {
  const _meta = {
    [PROTOCOL_VERSION_META_KEY]: MODERN,
    [CLIENT_INFO_META_KEY]: { name: 'idplug-scan', version },
    [CLIENT_CAPABILITIES_META_KEY]: {},
  }
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': MODERN,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }),
  })
  if (response.status !== 400) {
    await response.body?.cancel()
    return false
  }
  const { error } = (await response.json().catch(() => ({}))) as { error?: { code?: unknown } }
  return error?.code === HEADER_MISMATCH
}
