import type { WatchRecord } from 'idplug/internal'
import { type Attempt, isBefore, nameOf } from './attempt.ts'
import { isBrowser, nameByAgent, nameByDocument, nameByRegistration, productOf } from './clients.ts'
import { likeness, machineOf, matching, type Traces } from './match.ts'
import { type ResourceRecord, readResourceRequest } from './read-resource.ts'
import { eventOf, readServerRequest, type ServerRecord } from './read-server.ts'
import { refusalProblem } from './refusals.ts'
import type { Problem, Seen } from './seen.ts'
import { type SeenServer, silenceProblem } from './silences.ts'

/** What a view shows, and `--json` prints. `at` is in milliseconds since the Unix epoch. */
export type WatchEvent =
  | {
      readonly event: 'server'
      readonly at: number
      readonly pid: number
      readonly server: string
      readonly name?: string
    }
  | { readonly event: 'server_gone'; readonly at: number; readonly server: string }
  | ({ readonly event: 'step'; readonly next?: string | undefined } & OfAttempt &
      Omit<Seen, 'phase' | 'expects' | 'problem'>)
  | ({
      readonly event: 'stopped'
      readonly after: string
      readonly silent_seconds?: number
      readonly expected?: string
    } & OfAttempt &
      Problem)
  | ({ readonly event: 'calls'; readonly operation: string; readonly count: number } & OfAttempt)
  | ({ readonly event: 'same_client'; readonly as: number } & OfAttempt)
  | { readonly event: 'lost'; readonly at: number; readonly count: number }

interface OfAttempt {
  readonly at: number
  readonly attempt: number
  readonly client: string
  readonly address?: string | undefined
  readonly resource?: string | undefined
}

export interface WatcherOptions {
  readonly onEvent: (event: WatchEvent) => void
  /** How long a program may take for its next request. Default 30; people get four times as long. */
  readonly silenceSeconds?: number
}

export interface Watcher {
  /** Records in the order in which they happened. @param connection - Number of the connection that a record came by. */
  record(record: WatchRecord, connection: number): void
  gone(connection: number, at: number): void
  /** Looks who has been silent for too long. */
  look(now: number): void
  /** Attempts that somebody has to be waited for, the latest last. */
  waiting(): readonly Attempt[]
}

/** Attempts remembered at once; the oldest is forgotten. */
const MOST_ATTEMPTS = 200
const DEFAULT_SECONDS = 30

/** Puts the requests of clients together to attempts, and says where each of them stopped. */
export function createWatcher({ onEvent, silenceSeconds = DEFAULT_SECONDS }: WatcherOptions): Watcher {
  let attempts: Attempt[] = []
  let last = 0
  const servers = new Map<string, { connection: number; seen?: SeenServer }>()
  const ownIssuers = new Set<string>()
  const surroundings = {
    server: (issuer: string) => servers.get(issuer)?.seen,
    isOwn: (issuer: string) => ownIssuers.has(issuer) || servers.has(issuer),
  }

  function begin(traces: Traces): Attempt {
    const attempt: Attempt = {
      number: 0,
      names: {},
      products: new Set(),
      connections: new Set(),
      callers: new Set(),
      flows: new Set(),
      address: traces.address,
      clientId: undefined,
      origin: undefined,
      resource: undefined,
      issuer: undefined,
      redirectOrigin: undefined,
      phase: 'seen',
      expects: undefined,
      beganAt: traces.at,
      lastAt: traces.at,
      lastStep: '',
      isStopped: false,
      isShown: false,
      held: [],
    }
    attempts = [...attempts.slice(1 - MOST_ATTEMPTS), attempt]
    return attempt
  }

  const of = (attempt: Attempt, at: number): OfAttempt => ({
    at,
    attempt: attempt.number,
    client: nameOf(attempt),
    address: attempt.address,
    resource: attempt.resource,
  })

  function stop(attempt: Attempt, at: number, problem: Problem, silentFor?: number): void {
    const { expects, lastStep } = attempt
    attempt.isStopped = true
    attempt.expects = undefined
    show(attempt)
    onEvent({
      event: 'stopped',
      ...of(attempt, at),
      after: lastStep,
      ...(silentFor !== undefined && { silent_seconds: silentFor, expected: expects?.next }),
      ...problem,
    })
  }

  /** Metadata alone is read by many who want nothing, so an attempt that begins with it is told of with its second step. */
  function show(attempt: Attempt): void {
    if (attempt.isShown) return
    attempt.isShown = true
    attempt.number = ++last
    for (const tell of attempt.held.splice(0)) tell()
  }

  function tell(attempt: Attempt, at: number, seen: Seen): void {
    const { phase, expects, problem, ...step } = seen
    const isNew = !attempt.isShown && attempt.held.length === 0
    attempt.lastAt = Math.max(at, attempt.lastAt)
    attempt.lastStep = `${step.asked}${step.status === undefined ? '' : `, ${step.status}`}`
    attempt.isStopped = false
    if (phase && isBefore(attempt.phase, phase)) attempt.phase = phase
    const seconds =
      expects?.seconds === undefined ? silenceSeconds : (expects.seconds * silenceSeconds) / DEFAULT_SECONDS
    attempt.expects = expects && { ...expects, since: at, seconds }
    const say = () => onEvent({ event: 'step', ...of(attempt, at), ...step, next: expects?.next })
    if (isNew && seen.step === 'server_metadata') attempt.held.push(say)
    else {
      show(attempt)
      say()
    }
    if (problem) stop(attempt, at, problem)
  }

  /** What begins again with a request of a client that is known: Codex looks without its token before each start. */
  function join(attempt: Attempt, traces: Traces): void {
    const { at, connection } = traces
    for (const other of attempts) {
      if (other === attempt || other.clientId !== undefined || other.beganAt < attempt.beganAt) continue
      const isSame = connection !== undefined && other.connections.has(connection)
      const hasBegun =
        other.phase === 'challenged' && attempt.lastAt < other.beganAt && at - other.lastAt < JOIN_MILLISECONDS
      const isOfIt = traces.isPerson
        ? attempt.lastAt < other.beganAt && at - other.lastAt < JOIN_MILLISECONDS && sameProducts(attempt, other)
        : hasBegun && likeness(other, traces) > 0 && !(connection && attempt.connections.has(connection))
      if (!isSame && !isOfIt) continue
      attempts = attempts.filter(each => each !== other)
      for (const each of other.connections) attempt.connections.add(each)
      for (const each of other.products) attempt.products.add(each)
      if (other.isShown) onEvent({ event: 'same_client', ...of(other, at), as: attempt.number })
    }
  }

  function learn(attempt: Attempt, traces: Traces): void {
    if (traces.connection) attempt.connections.add(traces.connection)
    if (traces.product && !traces.isPerson) attempt.products.add(traces.product)
    for (const flow of traces.flows ?? []) attempt.flows.add(flow)
    if (traces.clientId === undefined) return
    attempt.clientId = traces.clientId
    const document = nameByDocument(traces.clientId)
    if (document) attempt.names.document ??= document
  }

  function resourceRequest(record: ResourceRecord, connection: number): void {
    const seen = readResourceRequest(record)
    if (!seen || record.agent === OUR_AGENT) return
    const traces: Traces = {
      at: record.at,
      address: machineOf(record.address),
      product: productOf(record.agent),
      connection: record.connection === undefined ? undefined : `${connection}:${record.connection}`,
      clientId: record.client_id,
      isFirst: record.credentials === undefined,
    }
    const attempt = matching(attempts, traces) ?? begin(traces)
    if (traces.clientId !== undefined) join(attempt, traces)
    learn(attempt, traces)
    const { names } = attempt
    if (record.caller !== undefined) attempt.callers.add(`${connection}:${record.caller}`)
    if (record.origin !== undefined && isBrowser(record.agent)) attempt.origin = record.origin
    if (record.client_info) names.info = `${record.client_info.name} ${record.client_info.version}`.trim()
    const byAgent = nameByAgent(record.agent)
    if (byAgent) names.agent ??= byAgent
    attempt.resource = record.resource
    const [issuer] = record.issuers ?? []
    if (issuer) attempt.issuer = issuer
    tell(attempt, record.at, seen)
  }

  function serverRequest(record: ServerRecord, connection: number): void {
    const seen = readServerRequest(record)
    if (!seen || record.agent === OUR_AGENT) return
    const registered = eventOf(record.events, 'client_registered')
    const isPerson = PERSONS.has(record.place)
    const named = record.query?.client_id ?? record.events.find(({ client_id: id }) => id !== undefined)?.client_id
    const traces: Traces = {
      at: record.at,
      address: machineOf(record.address),
      product: productOf(record.agent),
      connection: record.connection === undefined || isPerson ? undefined : `${connection}:${record.connection}`,
      clientId: registered ? undefined : named,
      flows: record.flows ?? [],
      isFirst: record.place === 'server_metadata' || registered !== undefined,
      isPerson,
    }
    const found = matching(attempts, traces)
    // A page that nobody asked for here: a bookmark, or a scanner.
    if (!found && isPerson && traces.clientId === undefined) return
    const attempt = !found || (registered && isUnderWay(found)) ? begin(traces) : found
    if (traces.clientId !== undefined) join(attempt, traces)
    learn(attempt, { ...traces, clientId: named })
    if (registered?.facts.clientName)
      attempt.names.registration = nameByRegistration(String(registered.facts.clientName))
    if (record.origin !== undefined && !isPerson && isBrowser(record.agent)) attempt.origin = record.origin
    if (record.query?.redirect_origin) attempt.redirectOrigin = record.query.redirect_origin
    attempt.issuer = record.issuer
    tell(attempt, record.at, seen)
  }

  return {
    record(record, connection) {
      switch (record.type) {
        case 'resource':
          servers.set(record.resource, { connection })
          if (record.own_issuer !== undefined) ownIssuers.add(record.own_issuer)
          onEvent({ event: 'server', at: Date.now(), pid: record.pid, server: record.resource, name: record.name })
          break
        case 'authorization_server': {
          const { issuer, registers, reads_documents: readsDocuments } = record
          servers.set(issuer, { connection, seen: { registers, readsDocuments } })
          onEvent({ event: 'server', at: Date.now(), pid: record.pid, server: issuer })
          break
        }
        case 'request':
          resourceRequest(record, connection)
          break
        case 'server_request':
          serverRequest(record, connection)
          break
        case 'event': {
          // Outside of a request, or of one that nobody waits for any more.
          const attempt = attempts.findLast(({ clientId }) => clientId !== undefined && clientId === record.client_id)
          const problem = refusalProblem({ ...NO_REQUEST, at: record.at, events: [record] })
          if (attempt && problem) stop(attempt, record.at, problem)
          break
        }
        case 'calls': {
          const caller = `${connection}:${record.caller}`
          const attempt = attempts.findLast(({ callers }) => callers.has(caller))
          if (!attempt) break
          attempt.lastAt = Math.max(record.at, attempt.lastAt)
          const { method, name } = record.operation
          onEvent({
            event: 'calls',
            ...of(attempt, record.at),
            operation: name === undefined ? method : `${method} ${name}`,
            count: record.count,
          })
          break
        }
        case 'lost':
          onEvent({ event: 'lost', at: record.at, count: record.count })
      }
    },
    gone(connection, at) {
      for (const [server, { connection: its }] of servers) {
        if (its !== connection) continue
        servers.delete(server)
        onEvent({ event: 'server_gone', at, server })
      }
    },
    look(now) {
      for (const attempt of attempts) {
        const { expects } = attempt
        if (!expects || now - expects.since < expects.seconds * 1_000) continue
        if (!attempt.isShown && attempt.phase === 'server_metadata') {
          attempt.expects = undefined
          continue
        }
        const problem = silenceProblem(expects.silence, attempt, surroundings)
        stop(attempt, now, problem, Math.round((now - expects.since) / 1_000))
      }
    },
    waiting: () => attempts.filter(({ expects, isShown }) => expects !== undefined && isShown),
  }
}

const JOIN_MILLISECONDS = 60_000
/** Requests of our own servers to one another. */
const OUR_AGENT = 'idplug'
const PERSONS = new Set(['authorization', 'sign_in', 'signed_in', 'consent', 'return'])
const NO_REQUEST = { type: 'server_request', issuer: '', place: 'elsewhere', method: '' } as const

const isUnderWay = ({ clientId, phase, isStopped }: Attempt) =>
  clientId !== undefined && !isStopped && isBefore(phase, 'connected')

const sameProducts = (a: Attempt, b: Attempt) => [...b.products].every(product => a.products.has(product))
