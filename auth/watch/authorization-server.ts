import type { IncomingMessage } from 'node:http'
import { requestHead } from '../../src/edges/node-head.ts'
import { createSenderOf } from '../../src/edges/trusted-proxies.ts'
import { clip } from '../../src/text.ts'
import { pathOf } from '../../src/url.ts'
import type { ServerWatch } from '../watching.ts'
import { maskedEvent, maskedQuery } from './masked.ts'
import type { AuthorizationServerRequest, ServerEvent, ServerPlace } from './records.ts'
import { LOOKED_FOR, type Numbers } from './resource.ts'
import type { Writer } from './writer.ts'

const PLACES: Readonly<Record<string, ServerPlace>> = {
  '/.well-known/oauth-authorization-server': 'server_metadata',
  '/.well-known/openid-configuration': 'server_metadata',
  '/oauth/register': 'registration',
  '/oauth/authorize': 'authorization',
  '/fakeupstreamauth/authorize': 'sign_in',
  '/fakeupstreamauth/callback': 'signed_in',
  '/oauth/callback': 'signed_in',
  '/oauth/consent': 'consent',
  '/oauth/token': 'token',
  '/oauth/revoke': 'revocation',
  '/oauth/device_authorization': 'device',
  '/oauth/device': 'device',
}
const RESUME = /^\/oauth\/(?:authorize|device)\/([\w-]+)$/
/** Asked by servers, by load balancers, and by browsers on the way. */
const NOT_OF_CLIENTS = /^\/(health|ready|metrics|favicon\.ico|oauth\/(introspect|jwks|assets\/.*))$/

export interface WatchedServer {
  readonly issuer: string
  readonly trustedProxies: readonly string[]
  /** Of a name that pages of a sign-in share. */
  digest(text: string): string
}

/** Tells the writer of the requests to our own authorization server, and of what was decided about them. */
export function watchServer(server: WatchedServer, writer: Writer, numbers: Numbers): ServerWatch {
  const { digest } = server
  const senderOf = createSenderOf(server.trustedProxies)
  const mount = new URL(server.issuer).pathname.replace(/\/$/, '')
  /** Events of requests that are not answered yet, by their ids. */
  const pending = new Map<string, ServerEvent[]>()

  function told(request: IncomingMessage): Omit<AuthorizationServerRequest, 'events' | 'status'> | undefined {
    const { url = '', method = '' } = request
    const path = pathWithout(mount, pathOf(url))
    if (NOT_OF_CLIENTS.test(path)) return undefined
    const place = PLACES[path] ?? (RESUME.test(path) ? 'return' : 'elsewhere')
    const isDocument = place === 'server_metadata' || (place === 'elsewhere' && LOOKED_FOR.test(path))
    const head = requestHead(request)
    const { address } = senderOf(head)
    const { origin, 'user-agent': agent } = request.headers
    const query = new URLSearchParams(url.slice(pathOf(url).length))
    const flows = [query.get('id'), query.get('state'), RESUME.exec(path)?.[1]]
    return {
      type: 'server_request',
      at: Date.now(),
      issuer: server.issuer,
      place,
      method: clip(method),
      ...(isDocument && { path: clip(path) }),
      ...(address !== undefined && { address }),
      ...(agent !== undefined && { agent: clip(agent) }),
      ...(origin !== undefined && { origin: clip(origin) }),
      ...(address === head.address && { connection: numbers.connections(request.socket) }),
      ...(place === 'authorization' && { query: maskedQuery(query) }),
      // `state` of an authorization request is the client's own.
      flows: place === 'authorization' || place === 'elsewhere' ? [] : flowsOf(flows),
    }
  }

  const flowsOf = (steps: readonly (string | null | undefined)[]) =>
    steps
      .filter(step => typeof step === 'string' && step.length > 0)
      .map(step => digest((step as string).split('.')[0] ?? ''))

  /** Where the browser is sent, as far as that ties the pages of a sign-in together or says what went wrong. */
  function next(location: string) {
    const url = URL.parse(location, server.issuer)
    if (!url) return { flows: [] }
    const uid = RESUME.exec(pathWithout(mount, url.pathname))?.[1]
    const isClients = url.searchParams.has('code') || url.searchParams.has('error')
    const [error, description] = [url.searchParams.get('error'), url.searchParams.get('error_description')]
    return {
      flows: isClients ? [] : flowsOf([url.searchParams.get('id'), url.searchParams.get('state'), uid]),
      ...(error !== null && { error: clip(error) }),
      ...(description !== null && { error_description: clip(description) }),
    }
  }

  return {
    handler: handler => (request, response) => {
      const asked = writer.admits() ? told(request) : undefined
      if (!asked) return handler(request, response)
      let isTold = false
      const tell = () => {
        if (isTold) return
        isTold = true
        const id = String(response.getHeader('x-request-id') ?? '')
        const events = pending.get(id) ?? []
        pending.delete(id)
        const { flows, ...led } = next(String(response.getHeader('location') ?? ''))
        const { writableFinished, statusCode } = response
        writer.write({
          ...asked,
          ...led,
          ...(writableFinished && { status: statusCode }),
          flows: [...new Set([...(asked.flows ?? []), ...flows])],
          events,
        })
      }
      response.once('finish', tell)
      response.once('close', tell)
      handler(request, response)
      const id = String(response.getHeader('x-request-id') ?? '')
      if (id && !isTold) pending.set(id, [])
    },
    event(event, facts) {
      if (NOT_TOLD.has(event)) return
      const record = maskedEvent(event, facts, Date.now())
      const waiting = pending.get(String(facts.requestId))
      if (waiting) {
        if (waiting.length < MOST_EVENTS) waiting.push(record)
      } else if (writer.admits()) writer.write(record)
    },
  }
}

const MOST_EVENTS = 20
/** Of no use to whoever looks at a sign-in. */
const NOT_TOLD = new Set(['signing_keys_changed'])

function pathWithout(mount: string, path: string): string {
  if (path.startsWith(`${mount}/`)) return path.slice(mount.length)
  return path.startsWith('/.well-known/') && path.endsWith(mount) ? path.slice(0, path.length - mount.length) : path
}
