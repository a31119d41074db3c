import { randomUUID } from 'node:crypto'
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/client'
import { version } from '../version.ts'
import { HEADER_MISMATCH } from './rpc-error.ts'

export const MODERN = '2026-07-28'

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
 * Whether a server of 2026-07-28 refuses every request whose `Mcp-Method` or `Mcp-Name` differs from its body, as the revision demands:
 * also one whose body is that of an older revision, or a batch, which would get past whoever decides by these headers. No tool is called:
 * the names are random.
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
  const list = { method: 'tools/list', params: { _meta: META } }
  const call = { method: 'tools/call', params: { name, arguments: {}, _meta: META } }
  const olderCall = { method: 'tools/call', params: { name, arguments: {} } }
  const ask = (named: Record<string, string>, message: object, isBatch = false) =>
    post(url, { ...headers, ...named }, message, isBatch, fetch)
  try {
    const matching = [
      await ask({ 'mcp-method': 'tools/list' }, list),
      await ask({ 'mcp-method': 'tools/call', 'mcp-name': name }, call),
    ]
    // A server that refuses everything compares nothing.
    if (matching.includes('mismatch')) {
      notes.push(`${WHETHER} is not known: it refuses matching ones, too.`)
      return undefined
    }
    const differing = [
      await ask({ 'mcp-method': 'prompts/list' }, list),
      await ask({ 'mcp-method': 'tools/list', 'mcp-name': name }, call),
      await ask({ 'mcp-method': 'tools/call', 'mcp-name': other }, call),
    ]
    const disguised = [
      await ask({ 'mcp-method': 'tools/list' }, olderCall),
      await ask({ 'mcp-method': 'tools/call', 'mcp-name': other }, olderCall),
      await ask({ 'mcp-method': 'tools/list' }, call, true),
    ]
    return differing.every(answer => answer === 'mismatch') && disguised.every(answer => answer !== 'taken')
  } catch {
    notes.push(`${WHETHER} could not be found out: it gave no answer.`)
    return undefined
  }
}

const WHETHER = 'Whether it compares the headers Mcp-Method and Mcp-Name with the body'

const META = {
  [PROTOCOL_VERSION_META_KEY]: MODERN,
  [CLIENT_INFO_META_KEY]: { name: 'idplug-scan', version },
  [CLIENT_CAPABILITIES_META_KEY]: {},
}

/** @returns `mismatch`: refused because header and body differ. `refused`: for another reason, before anything was done. */
async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  message: object,
  isBatch: boolean,
  fetch: typeof globalThis.fetch,
): Promise<'taken' | 'refused' | 'mismatch'> {
  const request = { jsonrpc: '2.0', id: 1, ...message }
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': MODERN,
    },
    body: JSON.stringify(isBatch ? [request] : request),
  })
  if (response.status !== 400) {
    await response.body?.cancel()
    return response.status >= 400 && response.status < 500 ? 'refused' : 'taken'
  }
  const { error } = (await response.json().catch(() => ({}))) as { error?: { code?: unknown } }
  return error?.code === HEADER_MISMATCH ? 'mismatch' : 'refused'
}
