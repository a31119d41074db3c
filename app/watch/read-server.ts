import type { WatchRecord } from 'idplug/internal'
import { elsewhere, preflight, SERVER_METADATA } from './read-resource.ts'
import { refusalProblem } from './refusals.ts'
import type { Seen } from './seen.ts'

export type ServerRecord = Extract<WatchRecord, { type: 'server_request' }>
export type EventRecord = Extract<WatchRecord, { type: 'event' }>

/** Where each place is, for people. */
const PATHS: Readonly<Record<string, string>> = {
  registration: '/oauth/register',
  authorization: '/oauth/authorize',
  sign_in: 'the sign-in page',
  signed_in: 'back from the sign-in',
  consent: 'the consent page',
  return: 'the way back to the client',
  token: '/oauth/token',
  revocation: '/oauth/revoke',
  device: 'the device flow',
}

/** A person may take longer than a program. */
const PERSON_SECONDS = 120

/** What a request to our own authorization server means in a sign-in. `undefined`: nothing. */
export function readServerRequest(record: ServerRecord): Seen | undefined {
  const { place, method, path, status, events } = record
  const name = path ?? PATHS[place]
  if (name === undefined) return undefined
  const asked = `${method} ${name}`
  if (method === 'OPTIONS') return preflight(name, status)
  if (place === 'elsewhere') return elsewhere(asked, 'the authorization server has nothing there', status)
  const step = place === 'token' && grantTypeOf(events) === 'refresh_token' ? 'refresh' : place
  if (status === undefined) return { step, asked, answered: 'the client hung up before the answer' }
  const problem = refusalProblem(record)
  if (problem) return { step, asked, status, answered: wordsOf(record), problem }
  return { step, asked, status, ...reached(record, step) }
}

function reached(record: ServerRecord, step: Seen['step']): Omit<Seen, 'step' | 'asked'> {
  const { events, query, method, issuer } = record
  const issued = eventOf(events, 'token_issued')
  switch (step) {
    case 'server_metadata':
      return { ...SERVER_METADATA, answered: `endpoints of ${issuer}` }
    case 'registration':
      return {
        answered: `registered as ${eventOf(events, 'client_registered')?.client_id ?? 'a client'}`,
        phase: 'registered',
        expects: { silence: 'registration', next: 'the authorization request in a browser' },
      }
    case 'authorization':
      return {
        answered: `taken: the person is asked${query?.scope ? ` for ${query.scope}` : ''}`,
        phase: 'authorization',
        expects: { silence: 'person', next: 'the page in the browser', seconds: PERSON_SECONDS },
      }
    case 'sign_in':
      return person(method === 'POST' ? 'the person has picked a name' : 'the page is shown')
    case 'signed_in':
      return person(eventOf(events, 'signed_in') ? 'the person has signed in' : 'back from the provider')
    case 'consent': {
      if (method !== 'POST') return person('the page is shown')
      const given = eventOf(events, 'consent_given')
      if (given) return person(`allowed: ${given.facts.scopes || 'no scopes'}`)
      return {
        answered: 'the person goes on to the provider',
        phase: 'person',
        expects: { silence: 'provider', next: 'the person, back from the provider', seconds: PERSON_SECONDS },
      }
    }
    case 'return':
      return {
        answered: 'the browser takes a code back to the client',
        phase: 'returned',
        expects: { silence: 'return', next: 'the token request' },
      }
    case 'token':
    case 'refresh':
      return {
        answered: issued
          ? `${step === 'refresh' ? 'refreshed: ' : ''}an access token for ${issued.facts.scope || 'no scopes'}`
          : 'the same answer again',
        ...(step === 'token' && {
          phase: 'token' as const,
          expects: {
            silence: 'token' as const,
            next: `a call with the token, to ${issued?.facts.resource ?? 'the server'}`,
          },
        }),
      }
    default:
      return { answered: 'answered' }
  }
}

const person = (answered: string): Omit<Seen, 'step' | 'asked'> => ({
  answered,
  phase: 'person',
  expects: { silence: 'person', next: 'what the person does on the page', seconds: PERSON_SECONDS },
})

function wordsOf({ events, error, error_description: description }: ServerRecord): string {
  const refused = events.find(({ event }) => event.endsWith('_refused'))
  const code = refused?.facts.error ?? error
  const text = refused?.facts.description ?? description
  if (code === undefined) return refused ? refused.event.replaceAll('_', ' ') : 'refused'
  return text === undefined ? String(code) : `${code}: ${text}`
}

export function eventOf(events: readonly EventRecord[], name: string): EventRecord | undefined {
  return events.find(({ event }) => event === name)
}

function grantTypeOf(events: readonly EventRecord[]): unknown {
  return events.find(({ facts }) => facts.grantType !== undefined)?.facts.grantType
}
