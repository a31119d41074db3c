import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Configuration } from '../config/load.ts'
import { hostnameOf } from '../src/edges/origin.ts'
import { isLoopback } from '../src/url.ts'

/** An answer that does not come from the authorization server. */
export interface Refusal {
  readonly status: number
  /** For clients (RFC 6749 §5.2). */
  readonly error: string
  readonly words: string
  readonly headers?: Readonly<Record<string, string>>
}

export const STRANGER: Refusal = {
  status: 403,
  error: 'access_denied',
  words:
    'The demo sign-in lets anybody in as anybody, so it only serves the machine that it runs on, and your request comes from another one. If you run this server: set AUTH_PROVIDER to sign in with a real provider, or DANGEROUSLY_ALLOW_FAKE_SIGN_IN=on to open the demo to everybody.',
}

export const NOT_STARTED: Refusal = {
  status: 503,
  error: 'temporarily_unavailable',
  words: 'The authorization server cannot start. Its operator has been told.',
  headers: { 'Retry-After': '5' },
}

/** Whether anybody may sign in at our own authorization server: a real provider says who they are, or the operator wants it so. */
export function allowsStrangers({ bridge, settings }: Pick<Configuration, 'bridge' | 'settings'>): boolean {
  return bridge !== undefined || settings.DANGEROUSLY_ALLOW_FAKE_SIGN_IN === 'on'
}

/**
 * Whether a request comes from this machine, for the demo sign-in. A proxy or tunnel on it names who asked, or the host that they asked
 * for; and a web page whose name was pointed at this machine (DNS rebinding) gives itself away by that name.
 */
export function isFromHere(address: string, hostname: string, header: (name: string) => string | null): boolean {
  const named = ['x-forwarded-for', 'x-real-ip'].flatMap(name => header(name)?.split(',').filter(Boolean) ?? [])
  return [address, hostname, ...named].every(isLocal)
}

/** The same of a request to a server of Node. */
export function isSentFromHere({ headers, socket }: IncomingMessage): boolean {
  const { host = headers[':authority'] } = headers
  return isFromHere(
    socket.remoteAddress ?? '::1',
    hostnameOf(`http://${host}`),
    name => headers[name]?.toString() ?? null,
  )
}

/** Takes an address, or the hostname of a URL. An address of IPv4 may be spelled as one of IPv6. */
function isLocal(address: string): boolean {
  const bare = address.trim().replace(/^::ffff:/i, '')
  return bare === '::1' || isLoopback(bare)
}

/** Words for a person at a browser, JSON for a client. */
export function answerOf({ status, error, words, headers }: Refusal, accept: string) {
  const isPage = accept.includes('text/html')
  const all = {
    'Content-Type': isPage ? 'text/plain; charset=utf-8' : 'application/json',
    'Cache-Control': 'no-store',
    'Access-Control-Allow-Origin': '*',
    ...headers,
  }
  const body = isPage ? words : JSON.stringify({ error, error_description: words })
  return [body, { status, headers: all }] as const
}

export function send(response: ServerResponse, refusal: Refusal, accept: string): void {
  const [body, { status, headers }] = answerOf(refusal, accept)
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(body)
}
