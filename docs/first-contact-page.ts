import type { Mistake } from '../test/first-contact/mistake.ts'
import { mistakes } from '../test/first-contact/mistakes/index.ts'

/** Page of what people get wrong before their first sign-in works. */
export function firstContactPage(): string {
  const groups = Object.entries(mistakes).map(([title, list]) => `## ${title}\n\n${list.map(section).join('\n')}`)
  const number = Object.values(mistakes).flat().length
  return `# First contact

${number} mistakes between the installation and the first sign-in that works: what you run first, what it says, and what to do. Search the page
for words of your output; \`…\` stands for anything. A test makes every mistake and reads what is printed. This page is made from
\`test/first-contact/mistakes/\` by \`npm run docs\`.

Without mistakes, measured on two busy cores in November 2026: in a clone, \`npm ci && npm start\`, then \`npx idplug call\` (it signs in by itself) end in a
signed-in tool call; beside \`npm ci\` (three minutes of downloads) that took 21 seconds, the two visits of the browser done by a program. For [your own server](own-server.md), the
installation of the packages took 55 seconds, and the sign-in with a first call 13.

${groups.join('\n\n')}
`
}

function section({ mistake, run, cause, fix }: Mistake): string {
  const words = fix === cause ? quoted(cause) : `${quoted(cause)} · ${quoted(fix)}`
  return `- **${mistake}.** ${RUNS[run] ?? `\`${run}\``} says: ${words}`
}

/** What is no command. */
const RUNS: Readonly<Record<string, string>> = { 'the browser': 'The page', 'the page': 'The answer' }

const quoted = (words: string) => `“${words.replace(/\.$/, '')}”`
