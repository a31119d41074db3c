import { type Attributes, metrics, SpanStatusCode, trace } from '@opentelemetry/api'
import type { AuthObserver, Decision } from './auth.ts'

/** Name of the tracer and of the meter. */
const SCOPE = 'idplug'

/**
 * Reports to OpenTelemetry, through its API alone: the SDK, and where it sends to, are the application's.
 *
 * - Counter `idplug.decisions`, by `idplug.outcome`, `http.response.status_code`, `idplug.reason` and `idplug.provider`.
 * - Histogram `idplug.validation.duration`, in seconds.
 * - Histogram `idplug.provider.call.duration`, in seconds, by `idplug.operation` and `idplug.outcome`; and a span of each call.
 * - Counter `idplug.token_cache.lookups`, by `idplug.outcome`.
 * - Where our own authorization server runs in this process: counter `idplug.authorization_server.events`, by `idplug.event`; histogram
 *   `idplug.authorization_server.call.duration`, in seconds, by `idplug.dependency` (`store` or `upstream`), `idplug.operation` and
 *   `idplug.outcome`; and a span of each call.
 * - On the span of the request that is active: the same attributes, `mcp.method.name`, `idplug.request_id`, `idplug.client_id`. What
 *   identifies a person stays out.
 *
 * Attributes take values that the code lists; those of the span hold nothing of the token but the client id.
 */
export function openTelemetry(): AuthObserver {
  const tracer = trace.getTracer(SCOPE)
  const meter = metrics.getMeter(SCOPE)
  const decisions = meter.createCounter('idplug.decisions', { description: 'Requests by what was decided.' })
  const lookups = meter.createCounter('idplug.token_cache.lookups', { description: 'Look-ups in the token cache.' })
  const validations = meter.createHistogram('idplug.validation.duration', {
    description: 'Time that validating a token took, answers from the cache included.',
    unit: 's',
  })
  const calls = meter.createHistogram('idplug.provider.call.duration', {
    description: 'Time that calls to the identity provider took.',
    unit: 's',
  })
  const events = meter.createCounter('idplug.authorization_server.events', {
    description: 'What our own authorization server did.',
  })
  const ownCalls = meter.createHistogram('idplug.authorization_server.call.duration', {
    description: 'Time that calls of our own authorization server to its store and to the identity provider took.',
    unit: 's',
  })
  /** Called when it has ended. */
  function addSpan(name: string, attributes: Attributes, milliseconds: number, failure?: string): void {
    const endTime = Date.now()
    const span = tracer.startSpan(name, { startTime: endTime - milliseconds, attributes })
    if (failure) span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
    span.end(endTime)
  }

  return {
    decision(decision) {
      const attributes = attributesOf(decision)
      decisions.add(1, attributes)
      trace.getActiveSpan()?.setAttributes({
        ...attributes,
        'idplug.request_id': decision.requestId,
        ...(decision.operation && { 'mcp.method.name': decision.operation.method }),
        ...(decision.token && { 'idplug.client_id': decision.token.clientId }),
      })
    },
    validation: seconds => validations.record(seconds),
    cacheLookup: outcome => lookups.add(1, { 'idplug.outcome': outcome }),
    providerCall({ operation, outcome, milliseconds }) {
      const attributes = { 'idplug.operation': operation, 'idplug.outcome': outcome }
      calls.record(milliseconds / 1000, attributes)
      addSpan(`idplug ${operation}`, attributes, milliseconds, outcome === 'answered' ? undefined : outcome)
    },
    authorizationServer: event => events.add(1, { 'idplug.event': event }),
    authorizationServerCall({ dependency, operation, outcome, milliseconds }) {
      const attributes = {
        'idplug.dependency': dependency,
        'idplug.operation': operation,
        'idplug.outcome': outcome,
      }
      ownCalls.record(milliseconds / 1000, attributes)
      addSpan(`idplug ${dependency} ${operation}`, attributes, milliseconds, ANSWERS.has(outcome) ? undefined : outcome)
    },
    warning: (message, facts) => trace.getActiveSpan()?.addEvent(message, textsOf(facts)),
  }
}

/** Outcomes of a call of our own authorization server that did not fail: what a provider says about a person is its answer. */
const ANSWERS = new Set(['ok', 'signed_in', 'nobody', 'not_allowed'])

function attributesOf(decision: Decision): Attributes {
  return {
    'idplug.outcome': decision.outcome,
    ...(decision.provider && { 'idplug.provider': decision.provider }),
    ...(decision.outcome === 'refused' && {
      'http.response.status_code': decision.status,
      'idplug.reason': decision.reason?.kind ?? 'bug',
    }),
  }
}

function textsOf(facts: Readonly<Record<string, unknown>>): Attributes {
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, String(value)]))
}
