import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import express from 'express'
import { notes } from '../app/notes/declaration.ts'
import { authFrom } from '../auth/auth-from.ts'
import type { Auth } from '../src/auth.ts'
import { protect as protectExpress } from '../src/edges/express.ts'
import { protect as protectNode } from '../src/edges/node.ts'
import { createJwtValidator } from '../src/engines/jwt.ts'
import type { Composition, CompositionSettings } from './http-compositions.ts'

// For each framework a server with `protect`, and one with the least that somebody would write by hand: the header is read, the body is
// parsed, the user is looked up in a Map and set. Both have the same answer behind them.

/** The user of a request, and its body. */
export type RequestOfUser = IncomingMessage & { auth?: { clientId: string }; body?: unknown }

/** Sign-in with per-operation scopes. */
export function authOf({ issuer, resource, jwksUri }: CompositionSettings): Auth {
  const validator = createJwtValidator(
    { issuer, jwksUri, audience: { audience: [resource] }, types: ['at+jwt'] },
    { resource },
  )
  return authFrom({ ...notes, resource }, validator, { observer: {} })
}

const users = new Map<string, { clientId: string }>()

/** A cached look-up, and nothing else: every token is good. */
export function userOf(authorization = ''): { clientId: string } {
  const token = authorization.slice('Bearer '.length)
  const known = users.get(token)
  if (known) return known
  const user = { clientId: 'bench' }
  users.set(token, user)
  return user
}

/** What a tool would answer. */
export function resultOf(body: unknown, clientId: string | undefined) {
  const { id, params } = body as { id: number; params: { name: string } }
  return { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: `${params.name} for ${clientId}` }] } }
}

function answer(request: RequestOfUser, response: ServerResponse): void {
  const text = JSON.stringify(resultOf(request.body, request.auth?.clientId))
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }).end(text)
}

function minimum(request: RequestOfUser, next: () => void): void {
  const user = userOf(request.headers.authorization)
  const chunks: Buffer[] = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => {
    request.body = JSON.parse(Buffer.concat(chunks).toString())
    request.auth = user
    next()
  })
}

/** Hono and Fastify have an installation of their own: `npm run setup:frameworks`. */
const further =
  (name: string): Composition =>
  async settings => {
    const { compositions } = await import(new URL('../test/frameworks/bench/compositions.ts', import.meta.url).href)
    return compositions[name](settings)
  }

export const edges: Record<string, Composition> = {
  'node-protected': settings => protectNode(authOf(settings), answer),
  'node-minimum': (): RequestListener => (request, response) => minimum(request, () => answer(request, response)),
  'express-protected': settings => express().post('/mcp', protectExpress(authOf(settings)), answer),
  'express-minimum': () => express().post('/mcp', (request, _response, next) => minimum(request, next), answer),
  'hono-protected': further('hono-protected'),
  'hono-minimum': further('hono-minimum'),
  'fastify-protected': further('fastify-protected'),
  'fastify-minimum': further('fastify-minimum'),
}
