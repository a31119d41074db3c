import { fileURLToPath } from 'node:url'
import { resultsJson } from '../../../app/conformance/report/json.ts'
import type { Result, Verdict } from '../../../app/conformance/run.ts'
import { type Project, versionsOf } from './projects.ts'

interface PublishedResult {
  readonly id: string
  readonly verdict: Verdict
  readonly title: string
  readonly level: string
  readonly because?: string
}

/** What is in the file of a project. */
export interface Published {
  readonly project: string
  readonly id: string
  readonly versions: Readonly<Record<string, string>>
  readonly date: string
  readonly documentation: string
  readonly configured: readonly string[]
  readonly summary: Readonly<Record<Verdict, number>>
  readonly results: readonly PublishedResult[]
}

export const fileOf = (id: string) =>
  fileURLToPath(new URL(`../../../docs/conformance/results/${id}.json`, import.meta.url))

/** Everything that a maintainer needs to see a failure: sentence, request and answer, without what differs from run to run. */
export function publish(project: Project, results: readonly Result[]): Published {
  const { id, name, documentation, configured } = project
  const head = {
    project: name,
    id,
    versions: versionsOf(project),
    date: new Date().toISOString().slice(0, 10),
    documentation,
    configured,
  }
  return JSON.parse(steady(JSON.stringify({ ...head, ...resultsJson('http://localhost:3000/mcp', results) })))
}

/** Ports as in the documentation of most projects; ids of sessions and keys under a name. */
function steady(text: string): string {
  return text
    .replace(/localhost:(?!3000)\d+/g, 'localhost:3000')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:9400')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '00000000-0000-0000-0000-000000000000')
}

const MARKS: Readonly<Record<Verdict, string>> = { pass: '✓', fail: '**✗**', warn: '!', skipped: '·' }

/** The page. */
export function table(published: readonly Published[]): string {
  const [first] = published
  const columns = published.map(({ id }) => `[${id}](results/${id}.json)`)
  const rows = (first?.results ?? []).map(({ id, title, level }) => {
    const marks = published.map(({ results }) => MARKS[results.find(each => each.id === id)?.verdict ?? 'skipped'])
    return `| ${id} | ${title.replaceAll('|', '\\|')} | ${level} | ${marks.join(' | ')} |`
  })
  return `${INTRODUCTION}
## Summary

| project | versions | assessed | passed | failed (MUST) | warnings (SHOULD, practice) | skipped |
| --- | --- | --- | --- | --- | --- | --- |
${published
  .map(({ id, project, versions, date, summary }) => {
    const shown = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
    return `| [${project}](results/${id}.json) | ${shown.join(', ')} | ${date} | ${summary.pass} | ${summary.fail} | ${summary.warn} | ${summary.skipped} |`
  })
  .join('\n')}

## What was configured

${published
  .map(
    ({ project, documentation, configured }) =>
      `**${project}**, after ${documentation}\n\n${configured.map(each => `- ${each}`).join('\n')}`,
  )
  .join('\n\n')}

## Each check

✓ passed, **✗** a MUST is not met, ! a SHOULD or a practice is not met, · skipped: there is nothing to say, and the file says why.

| check | a server that conforms | level | ${columns.join(' | ')} |
| --- | --- | --- | ${published.map(() => '---').join(' | ')} |
${rows.join('\n')}
`
}

const INTRODUCTION = `<!-- Written by test/conformance/field/main.ts; do not edit. -->
# What other projects do

\`idplug conformance\` has been run on the sign-in of other projects, each started as its own documentation says. Each trusts the kit's issuer as
its authorization server, but for \`@cloudflare/workers-oauth-provider\`, which takes only tokens that it issued itself: it is assessed with those, so
many checks say nothing of it. A project is here only after an official MCP client could call a tool of it. Each name leads to a file that
has, for every check that is not met, the sentence of the specification, the request as a command for curl, and the answer.

A skipped check is not a failed one. Projects differ in what they leave to their users, so read what was configured before you compare columns.
If your project is here and something is wrong or unfair, please open an issue: each program is a file or two of some fifty lines in
\`test/conformance/field/packages\`.

To reproduce:

\`\`\`sh
npm ci && npm run setup:field
node test/conformance/field/main.ts sdk-2
\`\`\`

Not assessed: the authorization servers that some of these projects bring along (the plugin \`mcp\` of better-auth, OAuthProxy of fastmcp, the
endpoints of \`@cloudflare/workers-oauth-provider\`), beyond what a client sees of their metadata.

A nightly test runs all of them again in these versions and fails if a result differs from the published one.
`
