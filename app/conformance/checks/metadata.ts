import type { Check } from '../check.ts'
import { authorizationServerChecks } from './metadata/authorization-servers.ts'
import { documentChecks } from './metadata/document.ts'
import { locationChecks } from './metadata/location.ts'

/** Protected resource metadata. */
export const metadataChecks: readonly Check[] = [...locationChecks, ...documentChecks, ...authorizationServerChecks]
