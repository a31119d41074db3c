import type { WatchRecord } from 'idplug/internal'
import { meaningOf } from '../commands/explain/reasons.ts'
import type { Problem, Seen } from './seen.ts'

export type ResourceRecord = Extract<WatchRecord, { type: 'request' }>

/** What a request to an MCP server means in a sign-in. `undefined`: nothing. */
export function readResourceRequest(record: ResourceRecord): Seen | undefined {
  const { method, path, status, issuers = [] } = record
  if (method === 'OPTIONS') return preflight(path ?? pathOf(record.resource), status)
  switch (record.place) {
    case 'resource_metadata': {
      const asked = `${method} ${path}`
      if (status === undefined) return elsewhere(asked, 'the resource metadata is not at this path')
      if (status !== 200) return { step: 'resource_metadata', asked, status, answered: `no document (${status})` }
      return {
        step: 'resource_metadata',
        asked,
        status,
        answered: issuers.length > 0 ? `sign in at ${issuers.join(', ')}` : 'names no authorization server',
        phase: 'resource_metadata',
        expects: {
          silence: 'resource_metadata',
          next: `GET the metadata of ${issuers[0] ?? 'the authorization server'}`,
        },
      }
    }
    case 'server_metadata': {
      const asked = `${method} ${path}`
      if (status === undefined) return elsewhere(asked, 'the metadata is not at this path')
      if (status !== 200) return { step: 'server_metadata', asked, status, answered: `no document (${status})` }
      return { ...SERVER_METADATA, asked, status, answered: `endpoints of ${issuers[0] ?? 'the authorization server'}` }
    }
    case 'elsewhere':
      return elsewhere(`${method} ${path}`, 'this server has nothing to do with that path')
    default:
      return call(record)
  }
}

/** After the metadata of the authorization server. */
export const SERVER_METADATA = {
  step: 'server_metadata',
  phase: 'server_metadata',
  expects: { silence: 'server_metadata', next: 'registration, or the authorization request in a browser' },
} as const satisfies Partial<Seen>

export function preflight(path: string, status: number | undefined): Seen {
  return {
    step: 'preflight',
    asked: `OPTIONS ${path}`,
    status,
    answered: 'the page may send its request',
    expects: { silence: 'preflight', next: `the request that was announced, to ${path}` },
  }
}

export function elsewhere(asked: string, answered: string, status?: number): Seen {
  return {
    step: 'elsewhere',
    asked,
    status,
    answered,
    expects: { silence: 'wrong_path', next: 'another place of the metadata' },
  }
}

function call(record: ResourceRecord): Seen {
  const { method, status, operation, reason } = record
  const what = operation ? [operation.method, operation.name].filter(Boolean).join(' ') : ''
  const asked = `${method} ${pathOf(record.resource)}${what ? ` ${what}` : ''}`
  if (status === undefined) return accepted(record, asked)
  const seen = { step: 'mcp', asked, status } as const
  if (!reason) {
    return { ...seen, answered: 'a bug ended the request', problem: problemOf('request_failed', {}, record) }
  }
  const { kind, ...facts } = reason
  switch (kind) {
    case 'no_credentials': {
      const { scope, resource_metadata: url } = record.challenge ?? {}
      const sent = record.credentials === undefined ? 'no token' : `no Bearer token (${record.credentials})`
      return {
        ...seen,
        answered: `${sent}; told where to sign in${scope ? ` (${scope})` : ''}`,
        phase: 'challenged',
        expects: { silence: 'challenge', next: `GET ${url ?? 'the resource metadata'}` },
      }
    }
    case 'expired':
    case 'inactive':
      return {
        ...seen,
        answered: kind === 'expired' ? 'the token has expired' : 'the token is no longer active',
        expects: { silence: 'refused_token', next: 'a refresh, or a new sign-in' },
      }
    case 'scope_missing':
      return {
        ...seen,
        answered: `needs ${facts.required || 'more scopes'}, has ${facts.granted || 'none'}`,
        phase: 'connected',
        expects: {
          silence: 'step_up',
          next: `an authorization request for ${record.challenge?.scope ?? facts.required}`,
        },
      }
    default:
      return { ...seen, answered: `refused: ${kind}`, problem: problemOf(kind, facts, record) }
  }
}

function accepted({ operation, client_id: clientId, scopes = [] }: ResourceRecord, asked: string): Seen {
  const who = clientId === undefined ? 'accepted without a token' : `accepted (${scopes.join(' ') || 'no scopes'})`
  const isCall = operation?.method === 'tools/call'
  return { step: 'mcp', asked, answered: who, phase: isCall ? 'called' : 'connected' }
}

/** In the words of `idplug explain`. */
function problemOf(kind: string, facts: Readonly<Record<string, unknown>>, record: ResourceRecord): Problem {
  const { means, cure } = meaningOf(kind, facts)
  const seen = Object.entries(facts)
    .filter(([name]) => name !== 'detail' && name !== 'cure')
    .map(([name, value]) => `${name} ${value}`)
    .join('; ')
  const id = record.request_id === undefined ? '' : ` The log has it as ${record.request_id}.`
  return {
    code: kind,
    means: `${means}${seen ? ` (${seen})` : ''}`,
    fix: `${cure}${id}`,
    see: kind === 'host_not_served' || kind === 'origin_not_served' ? 'docs/own-server.md' : 'docs/refusals.md',
  }
}

function pathOf(url: string): string {
  return URL.parse(url)?.pathname ?? url
}
