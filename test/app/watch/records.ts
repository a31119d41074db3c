import type { WatchRecord } from 'idplug/internal'
import { createWatcher, type WatchEvent } from '../../../app/watch/watcher.ts'

export const RESOURCE = 'https://mcp.example.com/mcp'
export const ISSUER = 'https://auth.example.com'

type Of<T extends WatchRecord['type']> = Extract<WatchRecord, { type: T }>

/** A watcher, and records in the order of a clock that each of them moves on by a second. */
export function watch({ connected = true, registers = true, readsDocuments = true } = {}) {
  const events: WatchEvent[] = []
  const watcher = createWatcher({ onEvent: event => events.push(event) })
  let at = Date.parse('2026-11-30T10:00:00Z')
  const write = (record: WatchRecord, connection = 1) => watcher.record(record, connection)
  write({ type: 'resource', format: 1, pid: 1, resource: RESOURCE, name: 'Files', own_issuer: ISSUER })
  if (connected) {
    const facts = { registers, reads_documents: readsDocuments }
    write({ type: 'authorization_server', format: 1, pid: 2, issuer: ISSUER, ...facts }, 2)
  }
  const told = () => {
    at += 1_000
    return at
  }
  const steps = () => events.filter(event => event.event === 'step')
  return {
    watcher,
    events,
    write,
    resource(record: Partial<Of<'request'>> = {}) {
      const facts = { place: 'endpoint', method: 'POST', address: '10.0.0.1', agent: 'node' } as const
      write({ type: 'request', at: told(), resource: RESOURCE, ...facts, ...record })
    },
    server(record: Partial<Of<'server_request'>> = {}) {
      const facts = {
        place: 'server_metadata',
        method: 'GET',
        address: '10.0.0.1',
        agent: 'node',
        status: 200,
      } as const
      write({ type: 'server_request', at: told(), issuer: ISSUER, events: [], ...facts, ...record }, 2)
    },
    /** Nothing happens for so long. */
    silence(seconds: number) {
      at += seconds * 1_000
      watcher.look(at)
    },
    now: () => at,
    steps,
    stops: () => events.filter(event => event.event === 'stopped'),
    /** What was shown of each attempt. */
    stepsOf: (attempt: number) =>
      steps()
        .filter(event => event.attempt === attempt)
        .map(({ step }) => step),
  }
}

export type Watch = ReturnType<typeof watch>

export function event(name: string, facts: Record<string, unknown> = {}, clientId?: string): Of<'event'> {
  return { type: 'event', at: 0, event: name, facts, ...(clientId !== undefined && { client_id: clientId }) }
}

/** The requests of a sign-in, one by one. Each takes what tells its client from others. */
export const requests = {
  challenge: (w: Watch, who = {}) =>
    w.resource({
      status: 401,
      reason: { kind: 'no_credentials' },
      challenge: { resource_metadata: 'https://mcp.example.com/prm', scope: 'files:read' },
      ...who,
    }),
  resourceMetadata: (w: Watch, who = {}) =>
    w.resource({
      place: 'resource_metadata',
      method: 'GET',
      path: '/.well-known/oauth-protected-resource/mcp',
      status: 200,
      issuers: [ISSUER],
      ...who,
    }),
  serverMetadata: (w: Watch, who = {}) => w.server({ path: '/.well-known/oauth-authorization-server', ...who }),
  registration: (w: Watch, clientId: string, who = {}) =>
    w.server({
      place: 'registration',
      method: 'POST',
      status: 201,
      events: [event('client_registered', { clientName: 'Files client' }, clientId)],
      ...who,
    }),
  authorization: (w: Watch, clientId: string, flow: string, record = {}) =>
    w.server({
      place: 'authorization',
      agent: 'Mozilla/5.0',
      status: 303,
      query: { client_id: clientId, scope: 'files:read', redirect_origin: 'http://localhost:8766' },
      flows: [flow],
      ...record,
    }),
  page: (w: Watch, flow: string, record = {}) =>
    w.server({ place: 'consent', agent: 'Mozilla/5.0', flows: [flow], ...record }),
  back: (w: Watch, flow: string, record = {}) =>
    w.server({ place: 'return', agent: 'Mozilla/5.0', flows: [flow], ...record }),
  token: (w: Watch, clientId: string, record = {}) =>
    w.server({
      place: 'token',
      method: 'POST',
      events: [
        event('token_issued', { grantType: 'authorization_code', scope: 'files:read', resource: RESOURCE }, clientId),
      ],
      ...record,
    }),
  call: (w: Watch, clientId: string, method = 'tools/call', record = {}) =>
    w.resource({
      credentials: 'Bearer',
      client_id: clientId,
      caller: 7,
      scopes: ['files:read'],
      operation: { method, ...(method === 'tools/call' && { name: 'list_files' }) },
      ...record,
    }),
}
