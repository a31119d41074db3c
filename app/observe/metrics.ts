import type { AuthObserver } from 'idplug'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { createAuthorizationServerMetrics } from './authorization-server-metrics.ts'
import { createMigrationMetrics } from './migration-metrics.ts'

export interface Prometheus {
  /** Its `metrics()` is the text, and `contentType` the type, of a page for Prometheus to read. */
  readonly registry: Registry
  readonly observer: AuthObserver
  /** Lets the number of open sessions be read when the metrics are. */
  sessions(read: () => number): void
}

export interface PrometheusOptions {
  /** Registry of the application. Default: a new one, with the metrics of the process. */
  readonly registry?: Registry
  /** Milliseconds since the Unix epoch; for the age of the keys. Default: `Date.now`. */
  readonly now?: () => number
}

/**
 * Prometheus metrics under `idplug_`. Labels take only values that the code lists: nothing that a client or a token says becomes a
 * label, so their number is bounded. One instance may observe several auths.
 */
export function prometheus({ registry = processRegistry(), now = Date.now }: PrometheusOptions = {}): Prometheus {
  const registers = [registry]

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

  const migration = createMigrationMetrics(registry, now)
  const authorizationServer = createAuthorizationServerMetrics(registry)
  return {
    registry,
    observer: {
      ...authorizationServer,
      decision(decision) {
        if (decision.outcome === 'accepted') {
          accepted.inc()
          if (decision.provider) migration.accepted(decision.provider)
        } else {
          const { outcome, status, reason } = decision
          requests.inc({ outcome, status, reason: reason?.kind ?? 'bug' })
        }
      },
      validation: seconds => validation.observe(seconds),
      shadow: migration.observation,
      providers: migration.watch,
      cacheLookup: outcome => cacheOutcomes[outcome].inc(),
      providerCall({ operation, outcome, milliseconds }) {
        upstream.inc({ operation, outcome })
        upstreamTime.observe({ operation }, milliseconds / 1000)
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

function processRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}
