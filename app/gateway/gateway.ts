import { randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Access, Auth, Decision } from 'idplug'
import { accept, hasBody, parseNodeBody, requestHead, send } from 'idplug/node'
import type { Logger } from 'pino'
import { type Problem, sendProblem } from './answers.ts'
import type { CallerIdentity } from './identity.ts'
import { ambiguousMember, canonicalText, isJsonRpc, opensStream, toolsOf } from './message.ts'
import { createOpenRequests, type OpenRequestsOptions } from './open-requests.ts'
import { headersMatch } from './operation-headers.ts'
import { HEADER_MISMATCH, INTERNAL_ERROR, TRANSPORT_ERROR } from './rpc-error.ts'
import type { Target } from './target.ts'

export interface GatewayOptions extends OpenRequestsOptions {
  readonly auth: Auth
  readonly target: Target
  /** Of the target; for the log. */
  readonly name: string
  readonly identity: CallerIdentity
  readonly logger: Logger
  /** The decision that the auth reported last. */
  lastDecision(): Decision | undefined
  /** Told about errors that are bugs. */
  onError(error: unknown): void
}

/** An MCP endpoint whose server is somebody else's. */
export interface Gateway {
  /** Checks a request as `protect` does, then has the target answer it. */
  readonly endpoint: RequestListener
  /** Resolves when no request and no stream is open any more. For a gateway in whose place there is another one. */
  idle(): Promise<void>
  /** Refuses new requests with 503, waits for those in flight, then ends streams. The target goes on. */
  close(): Promise<void>
}

const METHODS = new Set(['GET', 'POST', 'DELETE', 'HEAD'])

export function createGateway(options: GatewayOptions): Gateway {
  const { auth, target, identity, logger, onError } = options
  const openRequests = createOpenRequests(options)
  const calls = new Set<Promise<void>>()
  const handled = new Set<Promise<void>>()
  const streams = new Set<ServerResponse>()
  let closing = false

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const access = await auth.authenticate(requestHead(request))
    if (access.outcome !== 'accepted') return send(response, access)
    // Before the body is read, which takes memory for as long as the client likes to send it.
    const leave = openRequests.enter(access)
    if (typeof leave === 'string') return refuseOverLimit(leave, request, response, access)
    try {
      await answer(request, response, access)
    } finally {
      leave()
    }
  }

  /** Whatever the request asks for: nothing is decided about it, and its body is not read. */
  function refuseOverLimit(
    whose: 'person' | 'total',
    request: IncomingMessage,
    response: ServerResponse,
    access: Access,
  ): void {
    const requestId = randomUUID()
    const problem = TOO_MANY[whose]
    logger.warn({
      event: 'request_over_limit',
      request_id: requestId,
      target: options.name,
      limit: whose,
      status: problem.status,
      ...callerFacts(access),
    })
    accept(access, request, response)
    sendProblem(response, problem, undefined, requestId)
  }

  async function answer(request: IncomingMessage, response: ServerResponse, access: Access): Promise<void> {
    let body: unknown
    let received: string | undefined
    if (request.method === 'POST' || hasBody(request)) {
      const read = await parseNodeBody(request, access.bodyLimit)
      if ('problem' in read) return send(response, auth.refuseBody(access, read.problem))
      body = read.value
      received = read.text
    }
    const refused = auth.authorize(access, body)
    if (refused) return send(response, refused)
    // Decided and reported in one go, so nobody else's came between.
    const requestId = options.lastDecision()?.requestId ?? ''
    accept(access, request, response)
    const text = received === undefined ? undefined : canonicalText(received, body)
    const problem = problemOf(request, body, received !== undefined && text === undefined)
    if (problem) return sendProblem(response, problem, body, requestId, text)
    const isStream = opensStream(request.method, body)
    const start = performance.now()
    try {
      const named = identity.headersFor(access)
      // Mostly known already, and each `await` costs something.
      const headers = named instanceof Promise ? await named : named
      // The client may have gone meanwhile.
      if (response.destroyed) return
      const answered = target.answer({ request, response, access, body, text, requestId, identity: headers })
      if (isStream) streams.add(response)
      else calls.add(answered)
      try {
        await answered
      } finally {
        if (isStream) streams.delete(response)
        else calls.delete(answered)
      }
    } finally {
      for (const tool of toolsOf(body)) audit(tool, access, response, requestId, performance.now() - start)
    }
  }

  function problemOf(request: IncomingMessage, body: unknown, isTooDeep: boolean): Problem | undefined {
    if (closing) return CLOSING
    if (!METHODS.has(request.method ?? '')) return NOT_A_METHOD
    if (isTooDeep) return TOO_DEEP
    if (body === undefined) return undefined
    if (!isJsonRpc(body)) return NOT_JSON_RPC
    const member = ambiguousMember(body)
    if (member !== undefined) return invalid(`The message has a member that some servers read as "${member}".`)
    return headersMatch(request.headers, body) ? undefined : MISMATCH
  }

  function audit(tool: string, access: Access, response: ServerResponse, requestId: string, duration: number): void {
    const { statusCode, writableFinished, headersSent } = response
    const outcome = !writableFinished ? 'cut' : statusCode < 400 ? 'answered' : 'failed'
    logger.info({
      event: 'tool_called',
      request_id: requestId,
      tool: tool.slice(0, 200),
      target: options.name,
      ...callerFacts(access),
      milliseconds: Math.round(duration * 10) / 10,
      outcome,
      // Before that, it is what Node would have sent.
      status: headersSent ? statusCode : undefined,
    })
  }

  return {
    endpoint(request, response) {
      const work = handle(request, response)
        .catch(error => {
          onError(error)
          sendProblem(response, BUG, request.method === 'POST' ? (request as { body?: unknown }).body : undefined, '')
        })
        .finally(() => void handled.delete(work))
      handled.add(work)
    },
    async idle() {
      while (handled.size > 0) await Promise.all(handled)
    },
    async close() {
      closing = true
      await Promise.allSettled(calls)
      for (const response of streams) {
        if (response.headersSent) response.end()
        else response.destroy()
      }
    },
  }
}

const callerFacts = ({ token }: Access) =>
  token && { issuer: token.issuer, subject: token.subject, client_id: token.clientId }

const invalid = (message: string): Problem => ({ status: 400, code: -32600, message })

const CLOSING: Problem = {
  status: 503,
  code: TRANSPORT_ERROR,
  message: 'The server is shutting down.',
  headers: { 'Retry-After': '5' },
}
const NOT_A_METHOD: Problem = {
  status: 405,
  code: TRANSPORT_ERROR,
  message: 'Method not allowed.',
  headers: { Allow: 'GET, POST, DELETE' },
}
const NOT_JSON_RPC = invalid('The body is not a JSON-RPC message of MCP, whose params are an object.')
const TOO_DEEP = invalid('The message is nested too deeply.')
const MISMATCH: Problem = {
  status: 400,
  code: HEADER_MISMATCH,
  message: 'The headers Mcp-Method and Mcp-Name must name what the body asks for.',
}
const TOO_MANY: Readonly<Record<'person' | 'total', Problem>> = {
  person: {
    status: 429,
    code: TRANSPORT_ERROR,
    message: 'You have too many requests and streams open at this server. Close some, then try again.',
    headers: { 'Retry-After': '5' },
  },
  total: {
    status: 503,
    code: TRANSPORT_ERROR,
    message: 'The server has too many requests and streams open. Try again later.',
    headers: { 'Retry-After': '5' },
  },
}
const BUG: Problem = { status: 500, code: INTERNAL_ERROR, message: 'Internal error.' }
