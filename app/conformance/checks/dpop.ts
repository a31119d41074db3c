import type { Check } from '../check.ts'

export const dpopChecks: readonly Check[] = []
