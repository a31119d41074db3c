import type { RequestListener } from 'node:http'
import { Pool } from 'undici'
import { createGateway } from '../app/gateway/gateway.ts'
import { createHttpTarget } from '../app/gateway/http-target.ts'
import { createCallerIdentity, type IdentityChoice } from '../app/gateway/identity.ts'
import { createAssertionKeys } from '../app/gateway/identity-keys.ts'
import { createLogger, inBlocks, jsonLines } from '../app/observe/log.ts'
import { authFrom } from '../auth/auth-from.ts'
import type { Decision } from '../src/auth.ts'
import { createJwtValidator } from '../src/engines/jwt.ts'
import type { Composition, CompositionSettings } from './http-compositions.ts'

const RESULT = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'x'.repeat(200) }] } })

/** An MCP server that knows one answer. */
function target(): RequestListener {
  return (request, response) => {
    request.resume().once('end', () => {
      response
        .writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(RESULT) })
        .end(RESULT)
    })
  }
}

/** Requests and answers as they are, through `undici`, without any check. */
function passThrough({ target = '' }: CompositionSettings): RequestListener {
  const pool = new Pool(target, { connections: null })
  return (request, response) => {
    const { host: _host, connection: _connection, ...headers } = request.headers
    pool.stream(
      { path: request.url ?? '/', method: 'POST', headers, body: request, opaque: response },
      ({ statusCode, headers, opaque }) => opaque.writeHead(statusCode, headers as Record<string, string>),
      error => error && response.destroy(),
    )
  }
}

/** The same with the body read first, which is faster. */
function readFirst({ target = '' }: CompositionSettings): RequestListener {
  const pool = new Pool(target, { connections: null })
  return (request, response) => {
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      pool.dispatch(
        { path: request.url ?? '/', method: 'POST', headers, body: Buffer.concat(chunks) },
        {
          onRequestStart() {},
          onResponseStart: (_controller, status, headers) => void response.writeHead(status, headers),
          onResponseData: (_controller, chunk) => void response.write(chunk),
          onResponseEnd: () => void response.end(),
          onResponseError: () => void response.destroy(),
        },
      )
    })
  }
}

function gateway(identity: IdentityChoice, isLogged: boolean): Composition {
  return ({ issuer, resource, jwksUri, target = '' }) => {
    const validator = createJwtValidator(
      { issuer, jwksUri, audience: { audience: [resource] }, types: ['at+jwt'] },
      { resource, fetch, now: Date.now },
    )
    const logger = isLogged ? createLogger('info', inBlocks('/dev/null')) : createLogger('silent')
    let last: Decision | undefined
    const auth = authFrom(
      {
        resource,
        name: 'Bench',
        scopes: { 'notes:read': 'Read', 'notes:write': 'Write' },
        initialScopes: ['notes:read'],
        access: { tools: { list_notes: ['notes:read'], add_note: ['notes:write'] } },
      },
      validator,
      {
        observer: {
          decision(decision) {
            last = decision
            if (isLogged) log.decision?.(decision)
          },
        },
      },
    )
    const log = jsonLines(logger)
    const url = new URL('/mcp', target)
    const caller = createCallerIdentity(identity, {
      issuer: 'http://localhost',
      audience: url.href,
      keys: createAssertionKeys(),
    })
    return createGateway({
      auth,
      name: 'bench',
      identity: caller,
      target: createHttpTarget({ url, name: 'bench', logger, owns: caller.owns }),
      logger,
      lastDecision: () => last,
      onError: error => console.error(error),
    }).endpoint
  }
}

export const gateways: Record<string, Composition> = {
  'gateway-target': target,
  'pass-through': passThrough,
  'read-first': readFirst,
  gateway: gateway({ kind: 'none' }, false),
  'gateway-telling': gateway({ kind: 'assertion' }, true),
}
