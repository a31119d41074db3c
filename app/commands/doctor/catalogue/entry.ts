/** `error`: sign-in does not work, or is not safe. `warning`: some clients or users fail. `note`: worth knowing. */
export type Severity = 'error' | 'warning' | 'note'

export interface CatalogueEntry {
  readonly severity: Severity
  readonly title: string
  readonly expected: string
  /** What to do, at any provider. In the words of a provider's console: `adapters/<name>/console.ts`. */
  readonly cure: string
}
