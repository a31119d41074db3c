import type { AuthObserver, ObservedProvider } from 'idplug'
import { Counter, Gauge, type Registry } from 'prom-client'

/** What `idplug migrate status` reads: who is in force, whose tokens come, and what the one in the shadow makes of its own. */
export interface MigrationMetrics {
  /** Shows these providers, and at every look whether they could answer at the last. */
  watch(providers: readonly ObservedProvider[]): void
  /** Counts an accepted request of a token of this provider. */
  accepted(provider: string): void
  observation: NonNullable<AuthObserver['shadow']>
}

/**
 * Labels take only values that the code lists: adapters, verdicts and kinds of reasons.
 *
 * @param now - Milliseconds since the Unix epoch.
 */
export function createMigrationMetrics(registry: Registry, now: () => number): MigrationMetrics {
  const registers = [registry]
  const counted = new Counter({
    name: 'idplug_accepted_total',
    help: 'Accepted requests by the provider whose token they carried.',
    labelNames: ['provider'],
    registers,
  })
  const accepted = new Map<string, { count: Counter.Internal; at: number }>()
  new Gauge({
    name: 'idplug_last_accepted_timestamp_seconds',
    help: 'When a token of the provider was last accepted.',
    labelNames: ['provider'],
    registers,
    collect() {
      for (const [provider, { at }] of accepted) this.set({ provider }, at / 1000)
    },
  })
  const observed = new Counter({
    name: 'idplug_shadow_total',
    help: 'Tokens by what those in force and the provider in the shadow (AUTH_SHADOW) made of them.',
    labelNames: ['active', 'shadow', 'reason'],
    registers,
  })
  const lastObserved = new Gauge({
    name: 'idplug_shadow_last_timestamp_seconds',
    help: 'When the provider in the shadow last said so.',
    labelNames: ['shadow'],
    registers,
  })

  const watched = watchProviders(registry)

  return {
    watch(providers) {
      for (const { name, role } of providers)
        if (role === 'active') accepted.set(name, { count: counted.labels(name), at: 0 })
      for (const provider of providers) watched.add(provider)
    },
    accepted(provider) {
      const entry = accepted.get(provider)
      if (!entry) return
      entry.count.inc()
      entry.at = now()
    },
    observation({ active, shadow, reason }) {
      observed.inc({ active, shadow, reason: reason?.kind ?? '' })
      lastObserved.set({ shadow }, now() / 1000)
    },
  }
}

/** @returns Takes providers whose readiness is to be shown. */
function watchProviders(registry: Registry): { add(provider: ObservedProvider): void } {
  const providers: ObservedProvider[] = []
  const ready = new Map<string, boolean>()
  const asking = new Set<string>()
  function ask({ name, validator }: ObservedProvider): void {
    if (asking.has(name)) return
    asking.add(name)
    validator
      .warmUp()
      .then(
        () => ready.set(name, true),
        () => ready.set(name, false),
      )
      .finally(() => asking.delete(name))
  }

  new Gauge({
    name: 'idplug_provider_ready',
    help: 'Whether a configured provider could answer when it was last asked; one in the shadow decides nothing.',
    labelNames: ['provider', 'role'],
    registers: [registry],
    collect() {
      for (const provider of providers) {
        const { name, role } = provider
        this.set({ provider: name, role }, ready.get(name) ? 1 : 0)
        // Nobody who reads metrics waits for a provider: what comes of this is for the next look.
        ask(provider)
      }
    },
  })
  return {
    add(provider) {
      providers.push(provider)
      if (provider.role === 'shadow') ask(provider)
    },
  }
}
