import type { ResourceConfiguration } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import { createProofCheck, type ProofCheck } from '../src/bearer/dpop.ts'
import type { ProofMemory } from '../src/bearer/proof-memory.ts'
import { ValidatorUnavailableError } from '../src/errors.ts'
import type { OpenStores } from './own-server.ts'

/**
 * Checks proofs of possession as the settings say.
 *
 * @param stores - What all processes share; absent: each remembers used proofs by itself.
 */
export function proofCheckOf(
  { DPOP, DPOP_NONCE_SECRET }: Settings,
  { resource, furtherResources }: ResourceConfiguration,
  now: () => number,
  stores: (() => Promise<OpenStores | undefined>) | undefined,
): ProofCheck | undefined {
  if (DPOP === 'off') return undefined
  return createProofCheck({
    resource,
    furtherResources,
    now,
    required: DPOP === 'required',
    nonceSecret: DPOP_NONCE_SECRET === undefined ? undefined : new TextEncoder().encode(DPOP_NONCE_SECRET),
    memory: stores && sharedProofMemory(stores, now),
  })
}

/** Proofs that all processes remember together. */
function sharedProofMemory(stores: () => Promise<OpenStores | undefined>, now: () => number): ProofMemory {
  return {
    async add(key, until) {
      try {
        const proofs = (await stores())?.stores('Proof')
        if (!proofs) throw new Error('there is no store')
        return await proofs.add(key, true, Math.max(1, until - now() / 1000))
      } catch (error) {
        throw new ValidatorUnavailableError({ kind: 'proof_memory_unreachable', detail: (error as Error).message })
      }
    },
  }
}
