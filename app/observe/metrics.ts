import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Decision } from '../../src/bearer/authenticator.ts'
import type { ValidatorObserver } from '../../src/context.ts'
import { AuthorizationError } from '../../src/errors.ts'

export interface Metrics {
  readonly registry: Registry
  /** Counts one decision. */
  decision(decision: Decision): void
  /** Seconds that one validation took, cached or not. */
  validation(seconds: number): void
  readonly observer: ValidatorObserver
  /** Lets the number of open sessions be read when the metrics are. */
  sessions(read: () => number): void
}

/**
 * Prometheus metrics under `idplug_`, and the process's own. Labels take only values that the code lists: nothing that a
 * client or a token says becomes a label, so their number is bounded.
 *
 * @param now - Milliseconds since the Unix epoch; for the age of the keys.
 */
export function createMetrics(now: () => number): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const requests = new Counter({
    name: 'idplug_requests_total',
    help: 'Requests to the MCP endpoint by outcome, status of a refusal and reason.',
    labelNames: ['outcome', 'status', 'reason'],
    registers,
  })
  const accepted = requests.labels('accepted', '', '')
  const validation = new Histogram({
    name: 'idplug_validation_seconds',
    help: 'Time that validating a token took, answers from the cache included.',
    buckets: [0.00001, 0.0001, 0.001, 0.005, 0.025, 0.1, 0.5, 1, 5],
    registers,
  })
  const cache = new Counter({
    name: 'idplug_token_cache_total',
    help: 'Look-ups in the verified-token cache by outcome.',
    labelNames: ['outcome'],
    registers,
  })
  const cacheOutcomes = {
    hit: cache.labels('hit'),
    negative: cache.labels('negative'),
    miss: cache.labels('miss'),
    joined: cache.labels('joined'),
  }
  const upstream = new Counter({
    name: 'idplug_upstream_calls_total',
    help: 'Calls to the identity provider by operation and outcome.',
    labelNames: ['operation', 'outcome'],
    registers,
  })
  const upstreamTime = new Histogram({
    name: 'idplug_upstream_seconds',
    help: 'Time that calls to the identity provider took.',
    labelNames: ['operation'],
    registers,
  })
  let keysRefreshedAt: number | undefined
  new Gauge({
    name: 'idplug_key_age_seconds',
    help: 'Seconds since the signing keys were last fetched. Absent where tokens are not verified by keys.',
    registers,
    collect() {
      if (keysRefreshedAt !== undefined) this.set((now() - keysRefreshedAt) / 1000)
      else this.remove()
    },
  })

  return {
    registry,
    decision({ outcome, status, error }) {
      if (outcome === 'accepted') accepted.inc()
      else requests.inc({ outcome, status, reason: error instanceof AuthorizationError ? error.reason.kind : 'bug' })
    },
    validation: seconds => validation.observe(seconds),
    observer: {
      cacheLookup: outcome => cacheOutcomes[outcome].inc(),
      upstreamCall({ operation, outcome, duration }) {
        upstream.inc({ operation, outcome })
        upstreamTime.observe({ operation }, duration / 1000)
      },
      keysRefreshed(at) {
        keysRefreshedAt = at
      },
    },
    sessions(read) {
      new Gauge({
        name: 'idplug_sessions',
        help: 'Open MCP sessions (clients of 2025-11-25 and older).',
        registers,
        collect() {
          this.set(read())
        },
      })
    },
  }
}
