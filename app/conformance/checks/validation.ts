import type { Check } from '../check.ts'
import { claimChecks } from './validation/claims.ts'
import { introspectionChecks } from './validation/introspection.ts'
import { signatureChecks } from './validation/signature.ts'
import { useChecks } from './validation/use.ts'

/** Whether a token is good, and what a good token opens. */
export const validationChecks: readonly Check[] = [
  ...claimChecks,
  ...signatureChecks,
  ...introspectionChecks,
  ...useChecks,
]
