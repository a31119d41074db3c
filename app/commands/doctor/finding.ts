import { consoles, shortened } from 'idplug/internal'
import type { CatalogueEntry, Severity } from './catalogue/entry.ts'
import { catalogue, type FindingCode } from './catalogue/index.ts'

/** One thing that was found, in words for the person who can change it. */
export interface Finding {
  /** Stable; the page `docs/findings.md` lists them all. */
  readonly code: FindingCode
  readonly severity: Severity
  readonly title: string
  /** Holds no token and no secret; text of others is clipped where it is put in. */
  readonly seen: string
  readonly expected: string
  readonly cure: string
}

/** For several parts that are clipped each, or a sentence of ours. */
const MOST_CHARACTERS = 1_000

/**
 * @param seen - What was found, with the URL or setting it was found at.
 * @param provider - Name of its adapter, for the cure in that provider's own words.
 * @param cure - Takes the place of the one in the catalogue, where it is known more exactly.
 */
export function finding(code: FindingCode, seen: string, provider?: string, cure?: string): Finding {
  const { severity, title, expected, cure: general }: CatalogueEntry = catalogue[code]
  return {
    code,
    severity,
    title,
    seen: shortened(seen, MOST_CHARACTERS),
    expected,
    cure: cure ?? consoles[provider ?? '']?.fixes[code] ?? general,
  }
}
