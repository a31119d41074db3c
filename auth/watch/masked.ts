// What may be told of a request. Everything else stays where it is.
import { clip } from '../../src/text.ts'
import type { HarmlessQuery, ServerEvent } from './records.ts'

/** Members of events that say what happened, and not to whom. */
const EVENT_FACTS = [
  'activity',
  'advertised',
  'attempts',
  'clientName',
  'description',
  'detail',
  'error',
  'grantType',
  'limit',
  'outcome',
  'proxy',
  'reason',
  'resource',
  'scope',
  'scopes',
  'url',
]
/** Members of reasons that say who it was about. */
const ABOUT_PEOPLE = new Set(['subject', 'allow'])

export function maskedEvent(event: string, facts: Readonly<Record<string, unknown>>, at: number): ServerEvent {
  const { clientId } = facts
  return {
    type: 'event',
    at,
    event,
    ...(clientId !== undefined && { client_id: clip(clientId) }),
    facts: Object.fromEntries(
      EVENT_FACTS.filter(name => facts[name] !== undefined).map(name => [name, clippedFact(facts[name])]),
    ),
  }
}

export function maskedReason({ kind, ...facts }: { kind: string }): { kind: string } {
  const told = Object.entries(facts).filter(([name, value]) => value !== undefined && !ABOUT_PEOPLE.has(name))
  return { ...Object.fromEntries(told.map(([name, value]) => [name, clippedFact(value)])), kind }
}

/** Numbers stay what they are, lists become one text. */
function clippedFact(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  return clip(Array.isArray(value) ? value.join(' ') : value)
}

/** Of an authorization request. `undefined` where there is nothing harmless in it. */
export function maskedQuery(query: URLSearchParams): HarmlessQuery {
  const { client_id, scope, resource, redirect_uri, code_challenge_method, prompt } = Object.fromEntries(query)
  return {
    ...(client_id !== undefined && { client_id: withoutQuery(client_id) }),
    ...(scope !== undefined && { scope: clip(scope) }),
    ...(resource !== undefined && { resource: withoutQuery(resource) }),
    ...(redirect_uri !== undefined && { redirect_origin: originOf(redirect_uri) }),
    ...(code_challenge_method !== undefined && { code_challenge_method: clip(code_challenge_method) }),
    ...(prompt !== undefined && { prompt: clip(prompt) }),
  }
}

/** Where a client is sent back to; of an application with a scheme of its own, the scheme. */
function originOf(redirectUri: string): string {
  const url = URL.parse(redirectUri)
  if (!url) return '(not a URL)'
  return clip(url.origin === 'null' ? `${url.protocol}//` : url.origin)
}

const withoutQuery = (text: string) => clip(/^[^?#]*/.exec(text)?.[0] ?? '')
