import type { Result } from '../run.ts'

/** Results as JUnit XML, which most CI systems show. Warnings are passed tests with output, so that they do not fail a build. */
export function resultsJunit(url: string, results: readonly Result[]): string {
  const failures = results.filter(({ verdict }) => verdict === 'fail').length
  const skips = results.filter(({ verdict }) => verdict === 'skipped').length
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="${escaped(`idplug conformance ${url}`)}" tests="${results.length}" failures="${failures}" errors="0" skipped="${skips}">
${results.map(testCase).join('\n')}
  </testsuite>
</testsuites>
`
}

function testCase(result: Result): string {
  const { check, verdict, because = '' } = result
  const open = `    <testcase classname="${escaped(check.level)}" name="${escaped(`${check.id} ${check.title}`)}"`
  if (verdict === 'skipped') return `${open}><skipped message="${escaped(because)}"/></testcase>`
  if (verdict === 'pass') return `${open}/>`
  const text = escaped(detailsOf(result))
  return verdict === 'fail'
    ? `${open}><failure message="${escaped(because)}">${text}</failure></testcase>`
    : `${open}><system-out>warning: ${text}</system-out></testcase>`
}

function detailsOf({ check: { source }, because = '', evidence }: Result): string {
  return [
    because,
    source.sentence === undefined ? source.document : `${source.document}: “${source.sentence}”`,
    source.url,
    ...evidence.flatMap(({ sent, seen }) => [`sent: ${sent}`, ...seen.map(line => `seen: ${line}`)]),
  ].join('\n')
}

function escaped(text: string): string {
  return (
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      // XML 1.0 has no way to write other control characters, nor halves of surrogate pairs.
      .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
  )
}
