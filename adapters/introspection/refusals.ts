import { claimReason, type VariableOf } from '../../src/claims/cures.ts'
import type { ClaimOptions } from '../../src/claims/options.ts'
import type { TokenReason } from '../../src/reasons.ts'

/** A reason with the settings that cure it; `undefined` for the others: a server that only says "inactive" leaves no more to say. */
export function explain(
  reason: TokenReason,
  settings: ClaimOptions,
  variables: string | VariableOf = 'INTROSPECTION',
): TokenReason | undefined {
  return claimReason(reason, settings, variables)
}
