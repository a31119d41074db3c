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
      const endTime = Date.now()
      const span = tracer.startSpan(`idplug ${operation}`, { startTime: endTime - milliseconds, attributes })
      if (outcome !== 'answered') span.setStatus({ code: SpanStatusCode.ERROR, message: outcome })
      span.end(endTime)
    },
    warning: (message, facts) => trace.getActiveSpan()?.addEvent(message, textsOf(facts)),
  }
}

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
