import type { Check } from '../check.ts'

export const outageChecks: readonly Check[] = []
