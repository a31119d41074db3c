import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Access, Answer, Auth, RequestHead } from 'idplug'
import { hasBody, type IpRange, isWithin, parseIpAddress, parseNodeBody, pathOf } from 'idplug/internal'
import { authRoutes, requestHead, send } from 'idplug/node'
import { type CallerIdentity, PLAIN_HEADERS } from '../gateway/identity.ts'
import { ASSERTION_HEADER, ASSERTION_KEYS_PATH, assertionKeysAnswer } from '../gateway/identity-assertion.ts'
import type { AssertionKeys } from '../gateway/identity-keys.ts'
import { type Readiness, readiness } from '../serve/readiness.ts'
import { isAmbiguous } from './ambiguous-body.ts'
import { type Ask, FORWARDED_PATH, readAsk } from './asked-request.ts'
import { PROXY_PROBLEMS } from './proxy-problems.ts'

/** A server that proxies protect. */
export interface ProtectedServer {
  readonly auth: Auth
  readonly identity: CallerIdentity
  /** What to check about a request with a body that the proxy does not send. */
  unseenBody(head: RequestHead): unknown
}

export interface ForwardAuthOptions {
  /** By the names under which proxies ask about them; one at least. */
  readonly servers: ReadonlyMap<string, ProtectedServer>
  /** Who may say what a request is like. */
  readonly proxies: readonly IpRange[]
  /** Of the assertions, for servers to check them. Default: there are no assertions. */
  readonly assertionKeys?: Pick<AssertionKeys, 'published'> | undefined
  /** Told about asks that cannot be answered because of settings, ours or those of the proxy. */
  onMisconfigured(reason: string, facts: Readonly<Record<string, unknown>>): void
  /** Told about errors that are bugs. */
  onError(error: unknown): void
  /** Aborts when the process is about to stop. */
  readonly stopping?: AbortSignal | undefined
}

/** In it, nginx finds the body of an answer: of the response to `auth_request` it keeps headers only. */
const BODY_HEADER = 'X-Idplug-Body'

/** Of anonymous callers: where an answer lacks a header, Caddy 2.6 passes on the name of its variable. */
const NOBODY = Object.fromEntries([...Object.values(PLAIN_HEADERS), ASSERTION_HEADER].map(name => [name, '']))

/**
 * Answers the asks of proxies: 200 with the headers for the target, or the refusal as the client is to get it. Also serves the metadata, the
 * authorization server if it is embedded, and preflights, which proxies send here in place of the target.
 */
export function createForwardAuth(options: ForwardAuthOptions): RequestListener {
  const { servers, proxies, assertionKeys, onMisconfigured, onError, stopping } = options
  const paths = [...servers.keys()].map(name => `${FORWARDED_PATH}/${name}`).join(', ')
  const all = [...servers.values()]
  const routes = authRoutes(...all.map(({ auth }) => auth))
  const byPath = new Map(all.toReversed().map(server => [new URL(server.auth.resource).pathname, server]))

  /** Of several, the one whose URL it is to the letter: how proxies read other spellings of a path differs. */
  function serverAt(url: string): ProtectedServer | undefined {
    return all.length === 1 ? all[0] : byPath.get(pathOf(url))
  }

  /** A proxy keeps its connections, and asks over each of them many times. */
  const trusted = new WeakSet<object>()
  function isTrusted({ socket }: IncomingMessage): boolean {
    if (trusted.has(socket)) return true
    const address = parseIpAddress(socket.remoteAddress ?? '')
    if (!address || !proxies.some(range => isWithin(address, range))) return false
    trusted.add(socket)
    return true
  }

  function misconfigured(description: string, facts: Readonly<Record<string, unknown>> = {}): Answer {
    onMisconfigured(description, facts)
    return problem(500, 'server_error', description)
  }

  /** Whom a proxy asks about; or what is wrong with its question. */
  function asked(request: IncomingMessage, { name, head }: Ask): Asked | Answer {
    if (!isTrusted(request)) {
      return misconfigured(PROXY_PROBLEMS.untrusted, { proxy: request.socket.remoteAddress })
    }
    if (!head) return misconfigured(PROXY_PROBLEMS.undescribed)
    const server = name === undefined ? serverAt(head.url) : servers.get(name)
    if (!server) return misconfigured(`${PROXY_PROBLEMS.unnamed}${paths} (docs/proxies/README.md).`)
    if (head.method === 'OPTIONS') return misconfigured(PROXY_PROBLEMS.preflight)
    return { server, head }
  }

  async function answerOther(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const head = requestHead(request)
    const path = pathOf(head.url)
    if (path === '/health') return sendJson(response, 200, { status: 'ok' })
    if (path === '/ready') {
      const { status, headers, body } = await readiness(
        all.map(({ auth }) => auth),
        stopping,
      )
      return sendJson(response, status, body, headers)
    }
    if (path === ASSERTION_KEYS_PATH && assertionKeys) {
      const { headers, body } = await assertionKeysAnswer(assertionKeys)
      return void response.writeHead(200, headers).end(JSON.stringify(body))
    }
    const server = byPath.get(path)
    if (head.method === 'OPTIONS') {
      const answer = await (server ?? (all[0] as ProtectedServer)).auth.authenticate(head)
      // A preflight is the one request that is answered without a decision about the caller.
      return send(response, answer.outcome === 'accepted' ? NOT_FOUND : answer)
    }
    send(response, server ? NOT_FOR_US : NOT_FOUND)
  }

  return (request, response) => {
    const fail = (error: unknown) => {
      onError(error)
      send(response, problem(500, 'server_error', 'Internal error.'))
    }
    try {
      const ask = readAsk(request)
      if (!ask) return routes(request, response, () => void answerOther(request, response).catch(fail))
      const found = asked(request, ask)
      if ('outcome' in found) sendRefusal(response, found)
      else answerAsk(found, request, response).catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}

interface Asked {
  readonly server: ProtectedServer
  readonly head: RequestHead
}

function answerAsk(
  { server: { auth, identity, unseenBody }, head }: Asked,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const allow = (access: Access) =>
    then(identity.headersFor(access), headers => {
      response.writeHead(200, { 'Content-Length': 0, ...access.headers, ...(access.token ? headers : NOBODY) }).end()
    })
  return auth.authenticate(head).then(access => {
    if (access.outcome !== 'accepted') return sendRefusal(response, access)
    const refused = hasBody(request)
      ? refusalOfBody(auth, access, request)
      : auth.authorize(access, mayHaveBody(head) ? unseenBody(head) : undefined)
    return then(refused, answer => (answer ? sendRefusal(response, answer) : allow(access)))
  })
}

async function refusalOfBody(auth: Auth, access: Access, request: IncomingMessage): Promise<Answer | undefined> {
  // Envoy sends the beginning of one that is too long for it.
  if (request.headers['x-envoy-auth-partial-body'] === 'true') return auth.refuseBody(access, 'too_large')
  const body = await parseNodeBody(request, access.bodyLimit)
  if ('problem' in body) return auth.refuseBody(access, body.problem)
  const { value, text = '' } = body
  return isAmbiguous(text, value, request.headers)
    ? auth.refuseBody(access, 'ambiguous')
    : auth.authorize(access, value)
}

/** Goes on at once with what is there already. To wait for each step would cost as much as the decision. */
function then<Value, Result>(value: Value | Promise<Value>, goOn: (value: Value) => Result | Promise<Result>) {
  return value instanceof Promise ? value.then(goOn) : goOn(value)
}

const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE'])

/** Servers may look into a body whatever the method. */
function mayHaveBody(head: RequestHead): boolean {
  if (!WITHOUT_BODY.has(head.method)) return true
  const [length = ''] = head.header('x-forwarded-content-length')
  const [encoding = ''] = head.header('x-forwarded-transfer-encoding')
  return !/^0?$/.test(length) || encoding !== ''
}

function problem(status: number, error: string, description: string): Answer {
  const headers = { 'Cache-Control': 'no-store', 'Access-Control-Allow-Origin': '*' }
  return { outcome: 'refused', status, headers, body: { error, error_description: description } }
}

const NOT_FOUND = problem(404, 'not_found', 'There is nothing here.')
const NOT_FOR_US = problem(404, 'not_found', PROXY_PROBLEMS.elsewhere)

function sendRefusal(response: ServerResponse, answer: Answer): void {
  const body = answer.body && JSON.stringify(answer.body).replace(/[^\x20-\x7e]/g, escaped)
  send(response, { ...answer, headers: { ...answer.headers, ...(body && { [BODY_HEADER]: body }) } })
}

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

function sendJson(response: ServerResponse, status: number, body: object, headers: Readiness['headers'] = {}): void {
  response
    .writeHead(status, { ...headers, 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    .end(JSON.stringify(body))
}
