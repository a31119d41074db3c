import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from '@modelcontextprotocol/client'
import { version } from '../version.ts'
import type { HeaderFields } from './exchange.ts'

/** Revisions whose requests differ: with a handshake and sessions, or with everything in each request. */
export type Era = '2025-11-25' | '2026-07-28'

/** One JSON-RPC message, with the headers that its revision wants. */
export interface Message {
  readonly method: string
  readonly headers: HeaderFields
  readonly body: string
}

const CLIENT = { name: 'idplug-conformance', version }
/** What `Mcp-Name` repeats, by method. */
const NAMED: Readonly<Record<string, string>> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }

/** What begins a conversation in each revision; it changes nothing at the server. */
export function hello(era: Era): Message {
  if (era === '2026-07-28') return message(era, 'server/discover')
  const params = { protocolVersion: era, capabilities: {}, clientInfo: CLIENT }
  return message(era, 'initialize', params, {})
}

/**
 * @param headers - Beside those of the revision, as `mcp-session-id`.
 * @param id - Of the request; `null` for a notification. Default 1.
 */
export function message(
  era: Era,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  headers: HeaderFields = {},
  id: number | string | null = 1,
): Message {
  const isModern = era === '2026-07-28'
  const meta = {
    [PROTOCOL_VERSION_META_KEY]: era,
    [CLIENT_INFO_META_KEY]: CLIENT,
    [CLIENT_CAPABILITIES_META_KEY]: {},
  }
  const named = NAMED[method] === undefined ? undefined : params[NAMED[method]]
  return {
    method,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      // The handshake of 2025 has it in its body alone.
      ...(method !== 'initialize' && { 'mcp-protocol-version': era }),
      ...(isModern && { 'mcp-method': method }),
      ...(isModern && typeof named === 'string' && { 'mcp-name': named }),
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      ...(id !== null && { id }),
      method,
      params: isModern ? { ...params, _meta: meta } : params,
    }),
  }
}
