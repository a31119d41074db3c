import type { IncomingMessage, ServerResponse } from 'node:http'
import { mountedAt, siteOf } from './mount.ts'
import type { Html } from './pages/html.ts'

/** Largest form of a page: one with some hundred scopes to tick. */
export const BODY_LIMIT = 16_384

/** On every answer. The pages need a stylesheet, a picture and forms of their own origin, and nothing else. */
const SECURITY_HEADERS = Object.entries({
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
})

export function setSecurityHeaders(res: ServerResponse): void {
  for (const [name, value] of SECURITY_HEADERS) res.setHeader(name, value)
}

export function sendPage(res: ServerResponse, page: Html, status = 200): void {
  res.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(page.render(siteOf(res.req)))
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}

/**
 * Sends the browser on with GET.
 *
 * @param location - As {@link addressOf} takes it.
 */
export function redirect(res: ServerResponse, location: string): void {
  res.writeHead(303, { location: addressOf(res.req, location) }).end()
}

/** @param location - A path as this server knows it, or a whole URL. */
export function addressOf(req: IncomingMessage, location: string): string {
  return location.startsWith('/') ? mountedAt(req) + location : location
}

/** Path of a request. Cut by hand: to a URL parser, `//host/path` names another host. */
export function pathOf({ url = '' }: IncomingMessage): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}

/** Path and query of a request. */
export function targetOf(req: IncomingMessage): { path: string; query: URLSearchParams } {
  const path = pathOf(req)
  return { path, query: new URLSearchParams((req.url ?? '').slice(path.length + 1)) }
}

/** @returns The fields of a submitted form; `undefined` when it is not one, or larger than {@link BODY_LIMIT}. */
export async function readForm(req: IncomingMessage): Promise<URLSearchParams | undefined> {
  if (!req.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return undefined
  if (req.readableDidRead) return fieldsOf((req as { body?: unknown }).body)
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of req) {
    length += chunk.length
    if (length > BODY_LIMIT) return undefined
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

/** A form that a parser in front of us has read, such as `express.urlencoded()`. */
function fieldsOf(body: unknown): URLSearchParams | undefined {
  if (typeof body === 'string' || Buffer.isBuffer(body)) return new URLSearchParams(body.toString())
  if (typeof body !== 'object' || body === null) return undefined
  const fields = new URLSearchParams()
  for (const [name, value] of Object.entries(body)) {
    for (const one of Array.isArray(value) ? value : [value]) if (typeof one === 'string') fields.append(name, one)
  }
  return fields
}
