import type { Check } from '../check.ts'
import { challengeChecks } from './challenge.ts'
import { dpopChecks } from './dpop.ts'
import { malformedChecks } from './malformed.ts'
import { metadataChecks } from './metadata.ts'
import { outageChecks } from './outage.ts'
import { scopesChecks } from './scopes.ts'
import { validationChecks } from './validation.ts'

/** All checks, in the order in which they run. */
export const checks: readonly Check[] = [
  ...challengeChecks,
  ...metadataChecks,
  ...malformedChecks,
  ...validationChecks,
  ...scopesChecks,
  ...outageChecks,
  ...dpopChecks,
]
