import type { Check, Tier } from '../app/conformance/check.ts'
import { checks } from '../app/conformance/checks/index.ts'

const SECTIONS: Readonly<Record<string, string>> = {
  C: 'Without a token',
  P: 'Protected resource metadata',
  B: 'Malformed credentials',
  V: 'Validation of tokens',
  S: 'Scopes',
  O: 'When the issuer is away',
  D: 'DPoP, where the server offers it',
}
const NEEDS: Readonly<Record<Tier, string>> = { 0: 'nothing', 1: 'tokens', 2: 'the issuer of the kit' }

/** Page of every check of `idplug conformance`. */
export function conformancePage(): string {
  const count = (test: (check: Check) => boolean) => checks.filter(test).length
  const sections = Object.entries(SECTIONS).map(([letter, title]) => {
    const rows = checks.filter(({ id }) => id.startsWith(letter)).map(rowOf)
    return `## ${title}\n\n| id | what a server does | level | source | needs |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}`
  })
  return `# Checks of \`idplug conformance\`

${checks.length} checks: ${count(({ level }) => level === 'MUST')} come from a MUST, ${count(({ level }) => level === 'SHOULD')} from a SHOULD, ${count(({ level }) => level === 'practice')} from practice: what clients need or advisories
recommend, without a normative sentence. ${count(({ tier }) => tier === 0)} need no token, ${count(({ tier }) => tier === 1)} need tokens of yours, ${count(({ tier }) => tier === 2)} need a server that trusts the issuer of the
kit. Where the sentence of the specification was compared with the published text, the report quotes it. How to run them:
[README.md](README.md). This page is made from \`app/conformance/checks/\` by \`npm run docs\`.

${sections.join('\n\n')}
`
}

function rowOf({ id, title, level, source, tier }: Check): string {
  return `| ${id} | ${title.replaceAll('|', '\\|')} | ${level} | [${source.document}](${source.url}) | ${NEEDS[tier]} |`
}
