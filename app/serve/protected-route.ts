import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import cors from 'cors'
import express from 'express'
import { requireScopes } from '../../src/bearer/assert-scopes.ts'
import type { Gate } from '../../src/bearer/authenticator.ts'
import type { ValidatedToken } from '../../src/token-validator.ts'

/** What stands behind the gate: the MCP endpoint, as far as HTTP has to know it. */
export interface ProtectedEndpoint {
  /** Every scope that the operation of this parsed body needs. */
  requiredScopes(body: unknown): readonly string[]
  handle(request: IncomingMessage, response: ServerResponse, token: ValidatedToken, body: unknown): Promise<void>
}

export interface ProtectedRouteOptions {
  gate: Pick<Gate, 'authenticate' | 'accept' | 'refuse'>
  endpoint: ProtectedEndpoint
  scopesSupported: readonly string[]
  /** @returns What is wrong with `Host` or `Origin`, in a sentence, or `undefined`. */
  checkOrigin: (host: string | undefined, origin: string | undefined) => string | undefined
  /** Largest request body, in bytes. */
  bodyLimit: number
  /** Told about errors that are bugs. */
  onError: (error: unknown) => void
}

const METHODS = ['GET', 'POST', 'DELETE']

/** First protocol revision whose clients add up the scopes of several challenges by themselves. */
const FIRST_REVISION_WITH_SCOPE_UNION = '2026-07-28'

/**
 * The protected endpoint, over `node:http` alone: every request comes by here, and a web framework's routing would cost as
 * much as all of the checks. In this order: host and origin, method, token, body, scopes, endpoint. So a refused request
 * costs no body, and a stream opens only when all is well.
 */
export function createProtectedRoute(options: ProtectedRouteOptions): RequestListener {
  const { gate, endpoint, checkOrigin, onError } = options
  const parseBody = express.json({ limit: options.bodyLimit, type: isJson })
  const allowBrowser = cors({
    methods: METHODS,
    exposedHeaders: [
      'WWW-Authenticate',
      'Retry-After',
      'X-Request-Id',
      'DPoP-Nonce',
      'Mcp-Session-Id',
      'MCP-Protocol-Version',
    ],
    maxAge: 600,
  })

  function serve(req: IncomingMessage, res: ServerResponse): void {
    const method = req.method ?? ''
    if (!METHODS.includes(method)) {
      res.setHeader('Allow', METHODS.join(', '))
      sendJson(res, 405, {
        error: 'method_not_allowed',
        error_description: `This endpoint takes ${METHODS.join(', ')}.`,
      })
      return
    }
    // Not awaited, so that a refusal is never thrown.
    gate.authenticate(req).then(
      token => admit(req, res, token),
      error => gate.refuse(res, error),
    )
  }

  function admit(req: IncomingMessage, res: ServerResponse, token: ValidatedToken): void {
    if (req.method !== 'POST') {
      void handle(req, res, token, undefined)
      return
    }
    if (!isJson(req)) {
      sendRpcError(res, 415, -32700, 'Send JSON: Content-Type must be application/json.')
      return
    }
    parseBody(req as express.Request, res as express.Response, (error?: unknown) => {
      if (error) answerError(res, error, onError)
      else void handle(req, res, token, (req as { body?: unknown }).body)
    })
  }

  async function handle(
    req: IncomingMessage,
    res: ServerResponse,
    token: ValidatedToken,
    body: unknown,
  ): Promise<void> {
    try {
      const required = endpoint.requiredScopes(body)
      requireScopes(token, required, () => announcedScopes(req, token, required))
    } catch (error) {
      gate.refuse(res, error, token)
      return
    }
    gate.accept(token)
    try {
      await endpoint.handle(req, res, token, body)
    } catch (error) {
      answerError(res, error, onError)
    }
  }

  // Clients of older revisions replace their scopes by those of the challenge, and so would lose what they hold.
  function announcedScopes(
    req: IncomingMessage,
    token: ValidatedToken,
    required: readonly string[],
  ): readonly string[] {
    const revision = req.headers['mcp-protocol-version']
    if (typeof revision === 'string' && revision >= FIRST_REVISION_WITH_SCOPE_UNION) return required
    const held = options.scopesSupported.filter(scope => token.scopes.includes(scope))
    return [...new Set([...held, ...required])]
  }

  return (req, res) => {
    const { host, origin } = req.headers
    const problem = checkOrigin(host, origin)
    if (problem !== undefined) sendJson(res, 403, { error: 'forbidden', error_description: problem })
    else if (origin === undefined) serve(req, res)
    else allowBrowser(req as express.Request, res as express.Response, () => serve(req, res))
  }
}

function isJson(req: IncomingMessage): boolean {
  const type = req.headers['content-type']
  return type === 'application/json' || /^application\/json(?:$|[ ;])/i.test(type ?? '')
}

/** Errors of the body parser are the client's and get a sentence; all others are ours and say nothing. */
function answerError(res: ServerResponse, problem: unknown, report: (error: unknown) => void): void {
  const error = problem as { type?: string; status?: number }
  if (res.headersSent) {
    res.destroy()
    report(error)
    return
  }
  if (error.type === 'request.aborted') return
  if (error.type === 'entity.parse.failed') {
    sendRpcError(res, 400, -32700, 'The body is not valid JSON.')
  } else if (error.type === 'entity.too.large') {
    // The rest of the body is not worth reading.
    res.setHeader('Connection', 'close')
    sendRpcError(res, 413, -32600, 'The body is too large.')
  } else if (error.status !== undefined && error.status >= 400 && error.status < 500) {
    sendRpcError(res, error.status, -32600, 'The body cannot be read: its encoding is not supported or broken.')
  } else {
    report(problem)
    sendRpcError(res, 500, -32603, 'Internal error.')
  }
}

function sendRpcError(res: ServerResponse, status: number, code: number, message: string): void {
  sendJson(res, status, { jsonrpc: '2.0', id: null, error: { code, message } })
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }).end(text)
}
