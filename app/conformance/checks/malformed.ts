import type { Check } from '../check.ts'

export const malformedChecks: readonly Check[] = []
