import type { Check } from '../check.ts'

export const scopesChecks: readonly Check[] = []
