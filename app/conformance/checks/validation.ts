import type { Check } from '../check.ts'

export const validationChecks: readonly Check[] = []
