import { createServer, type ServerResponse } from 'node:http'
import { listen } from '../../../support/http.ts'
import { checkProof } from './dpop.ts'
import { type Rpc, serveRpc } from './mcp.ts'
import { type Answer, isRefusal, json, type Refusal, type Request, requestOf } from './message.ts'
import { honestParts, type Parts, type ServerOptions } from './parts.ts'
import { type Caller, validate } from './tokens.ts'

/** Changes some parts of the server. */
export type Plant = (parts: Parts) => Parts

export interface RunningServer {
  readonly url: string
  close(): Promise<void>
}

/** An MCP server by hand, that shares nothing with what it is tested by: honest unless something is planted in it. */
export async function startServer(
  options: Omit<ServerOptions, 'origin'> & { readonly port?: number },
  plant: Plant = parts => parts,
): Promise<RunningServer> {
  const server = createServer()
  const listening = await listen(server, options.port)
  const parts = plant(honestParts({ ...options, origin: listening.origin }))
  server.on('request', (message, response) => {
    const request = requestOf(message, listening.origin)
    answerTo(parts, request)
      .catch((error: Error) => json(500, { error: 'server_error', error_description: error.message }))
      .then(answer => write(parts.finish(answer, request), response))
  })
  return { url: parts.resource, close: listening.close }
}

async function answerTo(parts: Parts, request: Request): Promise<Answer> {
  const refuse = (refusal: Refusal, rpc?: Rpc) => parts.refuse(parts, refusal, request, rpc)
  if (!parts.hostIsGood(request)) return json(421, { error_description: 'This host is not served.' })
  const metadata = parts.metadataAnswer(parts, request)
  if (metadata) return metadata
  if (request.url.pathname !== '/mcp') return json(404, { error_description: 'There is nothing here.' })
  if (request.method === 'OPTIONS') return parts.preflight(request)
  if (!parts.originIsGood(request)) return json(403, { error_description: 'This origin is not served.' })
  const caller = (await parts.isOpen(request)) ? ANYBODY : await callerOf(parts, request)
  if (isRefusal(caller)) return refuse(caller)
  const sessionId = request.all('mcp-session-id')[0]
  if (request.method !== 'POST') return stream(parts, request, caller, sessionId)
  const message = parsed(await request.body())
  if (!message) return json(400, { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'This is not JSON.' } })
  const needed = parts.scopesOf(parts, message)
  if (caller !== ANYBODY && !parts.mayCall(needed, caller)) {
    const description = 'The operation needs more scopes.'
    return refuse({ status: 403, error: 'insufficient_scope', description, scopes: needed }, message)
  }
  return serveRpc(parts.mcp, message, caller, sessionId)
}

const ANYBODY: Caller = { subject: 'nobody', scopes: [], expiresAt: 0, thumbprint: undefined, token: '' }

async function callerOf(parts: Parts, request: Request): Promise<Caller | Refusal> {
  const credentials = await parts.credentialsOf(request)
  if (credentials.kind === 'none') return { status: 401, description: 'A token is needed.' }
  if (credentials.kind === 'malformed') {
    return { status: 400, error: 'invalid_request', description: 'The credentials are malformed.' }
  }
  const caller = await validate(parts.tokens, credentials.token)
  if (isRefusal(caller)) return caller
  const refusal: Refusal = { status: 401, error: 'invalid_token', description: 'The token needs a proof.' }
  if (credentials.scheme === 'dpop') return (await checkProof(parts.proof, caller, request)) ?? caller
  return parts.mayBeBearer(parts, caller) ? caller : refusal
}

/** GET opens a stream in a session, DELETE ends the session. */
function stream({ mcp }: Parts, { method }: Request, caller: Caller, sessionId = ''): Answer {
  const session = mcp.findSession(sessionId, caller)
  if (!session) return json(sessionId === '' ? 400 : 404, { error_description: 'There is no such session.' })
  if (method === 'DELETE') {
    mcp.sessions.delete(session.id)
    return { status: 204, headers: {}, body: '' }
  }
  const headers = { 'content-type': 'text/event-stream' }
  return { status: 200, headers, body: ': open\n\n', openUntil: caller.expiresAt }
}

function parsed(body: string): Rpc | undefined {
  try {
    const value = JSON.parse(body)
    return typeof value?.method === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

function write({ status, headers, body, openUntil }: Answer, response: ServerResponse): void {
  response.writeHead(status, headers as Record<string, string | string[]>)
  if (openUntil === undefined) return void response.end(body)
  response.write(body)
  const timer = setTimeout(() => response.end(), openUntil * 1000 - Date.now())
  response.on('close', () => clearTimeout(timer))
}
