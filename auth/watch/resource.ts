import type { Answer, Decision, Operation, RequestHead } from '../../src/auth.ts'
import { createSenderOf } from '../../src/edges/trusted-proxies.ts'
import { clip } from '../../src/text.ts'
import { pathOf } from '../../src/url.ts'
import type { RequestWatch, WatchedResource } from '../watching.ts'
import { maskedReason } from './masked.ts'
import type { ResourceRequest } from './records.ts'
import type { Writer } from './writer.ts'

/** Operations told apart for each token; clients choose names. */
const MOST_OPERATIONS = 100
const CALLS_MILLISECONDS = 1_000

/** Calls that are like one that was told before. */
interface Calls {
  readonly caller: number
  readonly clientId: string
  readonly operation: Operation
  count: number
}

/** What is known of a token that was seen. */
interface Caller {
  readonly number: number
  readonly calls: Map<string, Calls>
}

/** Numbers for the connections and tokens of this process; nothing of them is told. */
export interface Numbers {
  readonly connections: (connection: object) => number
  readonly callers: () => number
}

/** Tells the writer of the requests to one MCP server. */
export function watchResource(
  resource: WatchedResource,
  writer: Writer,
  numbers: Numbers,
): RequestWatch & { close(): void } {
  const senderOf = createSenderOf(resource.trustedProxies)
  const callers = new WeakMap<object, Caller>()
  let repeated: Calls[] = []
  let telling: NodeJS.Timeout | undefined

  /** On the path of each call: nothing is made of one that was told before. */
  function isRepeated({ token, operation }: Decision): boolean {
    if (!token || !operation) return false
    const caller = callers.get(token)
    const calls = caller?.calls.get(keyOf(operation))
    if (!calls) return false
    if (++calls.count > 1) return true
    repeated.push(calls)
    if (!telling) {
      telling = setTimeout(tellRepeated, CALLS_MILLISECONDS)
      telling.unref?.()
    }
    return true
  }

  function tellRepeated(): void {
    telling = undefined
    const all = repeated
    repeated = []
    for (const calls of all) {
      const { caller, clientId: client_id, operation, count } = calls
      calls.count = 0
      if (!writer.admits()) continue
      writer.write({ type: 'calls', at: Date.now(), resource: resource.resource, caller, client_id, operation, count })
    }
  }

  function callerOf({ token, operation }: Decision): Caller | undefined {
    if (!token) return undefined
    const caller = callers.get(token) ?? { number: numbers.callers(), calls: new Map() }
    callers.set(token, caller)
    if (operation && caller.calls.size < MOST_OPERATIONS) {
      caller.calls.set(keyOf(operation), { caller: caller.number, clientId: token.clientId, operation, count: 0 })
    }
    return caller
  }

  function request(head: RequestHead, place: ResourceRequest['place']): ResourceRequest {
    const { address } = senderOf(head)
    const [agent] = head.header('user-agent')
    const [origin] = head.header('origin')
    const isDirect = head.connection !== undefined && address === head.address
    return {
      type: 'request',
      at: Date.now(),
      resource: resource.resource,
      place,
      method: clip(head.method),
      ...(address !== undefined && { address }),
      ...(agent !== undefined && { agent: clip(agent) }),
      ...(origin !== undefined && { origin: clip(origin) }),
      ...(isDirect && { connection: numbers.connections(head.connection as object) }),
    }
  }

  function placeOf(path: string): ResourceRequest['place'] | undefined {
    if (path.startsWith('/.well-known/oauth-protected-resource')) return 'resource_metadata'
    if (path.startsWith('/.well-known/oauth-authorization-server')) return 'server_metadata'
    return LOOKED_FOR.test(path) ? 'elsewhere' : undefined
  }

  async function tellServed(
    head: RequestHead,
    place: ResourceRequest['place'],
    path: string,
    answer: Promise<Answer> | undefined,
  ): Promise<void> {
    const asked = { ...request(head, place), ...(place !== 'endpoint' && { path: clip(path) }) }
    if (answer === undefined) return writer.write(asked)
    const found = await answer.catch(() => undefined)
    const { issuer, authorization_servers: issuers = [issuer] } = (found?.body ?? {}) as Record<string, unknown[]>
    const named = (Array.isArray(issuers) ? issuers : []).filter(each => typeof each === 'string')
    writer.write({ ...asked, status: found?.status ?? 500, ...(named.length > 0 && { issuers: named.map(clip) }) })
  }

  return {
    decided(head, body, decision, answer) {
      if (isRepeated(decision) || !writer.admits()) return
      const { token, operation } = decision
      const caller = callerOf(decision)
      const [protocol] = head.header('mcp-protocol-version')
      const [credentials] = head.header('authorization')
      const clientInfo = clientInfoOf(body)
      writer.write({
        ...request(head, 'endpoint'),
        ...(answer && { status: answer.status, challenge: challengeOf(answer) }),
        ...(credentials !== undefined && { credentials: schemeOf(credentials) }),
        ...(protocol !== undefined && { protocol: clip(protocol) }),
        ...(decision.outcome === 'refused' && decision.reason && { reason: maskedReason(decision.reason) }),
        ...(operation && { operation }),
        ...(clientInfo && { client_info: clientInfo }),
        ...(token && { client_id: clip(token.clientId), scopes: token.scopes.map(clip) }),
        ...(caller && { caller: caller.number }),
        request_id: decision.requestId,
      })
    },
    served(head, answer) {
      const path = pathOf(head.url)
      const isPreflight = head.method === 'OPTIONS' && answer !== undefined
      const place = placeOf(path) ?? (isPreflight ? 'endpoint' : undefined)
      if (place && writer.admits()) void tellServed(head, place, path, answer)
      return answer
    },
    close() {
      clearTimeout(telling)
      tellRepeated()
    },
  }
}

/** Documents that clients look for, and the endpoints that those of 2025-03-26 take for granted. */
export const LOOKED_FOR = /^\/(\.well-known\/(oauth-|openid-)[\w./-]*|authorize|register|token)$/

const keyOf = ({ method, name }: Operation) => (name === undefined ? method : `${method} ${name}`)

const schemeOf = (credentials: string) =>
  (/^(Bearer|DPoP|Basic)(?= )/i.exec(credentials)?.[0] ?? '(another)').slice(0, 9)

/** What a client says of itself, in `initialize` or, from 2026-07-28 on, in any request. */
function clientInfoOf(body: unknown): ResourceRequest['client_info'] | undefined {
  const { params } = ((Array.isArray(body) ? body[0] : body) ?? {}) as { params?: Record<string, unknown> }
  const meta = params?._meta as Record<string, unknown> | undefined
  const info = (params?.clientInfo ?? meta?.['io.modelcontextprotocol/clientInfo']) as
    | Record<string, unknown>
    | undefined
  return info ? { name: clip(info.name ?? ''), version: clip(info.version ?? '') } : undefined
}

function challengeOf({ headers }: Answer): ResourceRequest['challenge'] {
  const challenge = headers['WWW-Authenticate'] ?? ''
  const value = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(challenge)?.[1]
  const found = { resource_metadata: value('resource_metadata'), scope: value('scope'), error: value('error') }
  return Object.fromEntries(Object.entries(found).filter(([, text]) => text !== undefined))
}
