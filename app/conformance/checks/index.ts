import type { Check } from '../check.ts'
import { challengeChecks } from './challenge.ts'
import { dpopChecks } from './dpop.ts'
import { malformedChecks } from './malformed.ts'
import { malformedTokenChecks } from './malformed-tokens.ts'
import { metadataChecks } from './metadata.ts'
import { outageChecks } from './outage.ts'
import { scopesChecks } from './scopes.ts'
import { unauthenticatedChecks } from './unauthenticated.ts'
import { validationChecks } from './validation.ts'

const SECTIONS = 'CPBVSOD'
/** This one makes servers wary of new keys for a while, which others of its section need. */
const LAST = 'V13'
const placeOf = ({ id }: Check) => `${SECTIONS.indexOf(id[0] ?? '')}${id === LAST ? '99' : id.slice(1)}`

/** All checks, in the order in which they run: by section, then by number but for one. */
export const checks: readonly Check[] = [
  ...challengeChecks,
  ...unauthenticatedChecks,
  ...metadataChecks,
  ...malformedChecks,
  ...malformedTokenChecks,
  ...validationChecks,
  ...scopesChecks,
  ...outageChecks,
  ...dpopChecks,
].toSorted((a, b) => placeOf(a).localeCompare(placeOf(b), 'en'))
