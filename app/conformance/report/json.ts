import { version } from '../../version.ts'
import type { Result, Verdict } from '../run.ts'

/** All results for machines. Its members are stable. */
export function resultsJson(url: string, results: readonly Result[]): object {
  const count = (verdict: Verdict) => results.filter(each => each.verdict === verdict).length
  return {
    tool: `idplug ${version}`,
    url,
    summary: { pass: count('pass'), fail: count('fail'), warn: count('warn'), skipped: count('skipped') },
    results: results.map(({ check: { id, title, level, tier, source }, verdict, because, missing, evidence }) => ({
      id,
      verdict,
      title,
      level,
      tier,
      source,
      ...(because !== undefined && { because }),
      ...(missing !== undefined && { missing }),
      ...(evidence.length > 0 && { evidence }),
    })),
  }
}
