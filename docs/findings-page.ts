import { consoles } from '../adapters/consoles.ts'
import { adapters } from '../adapters/index.ts'
import type { CatalogueEntry } from '../app/commands/doctor/catalogue/entry.ts'
import { catalogue, type FindingCode } from '../app/commands/doctor/catalogue/index.ts'
import { proxyFixes } from '../app/commands/doctor/proxy.ts'

const GROUPS: Readonly<Record<string, string>> = {
  config: 'The settings',
  bridge: 'The bridge',
  tenant: 'The provider',
  token: 'An access token of the provider',
  server: 'The running server',
  gateway: 'Behind the gateway, with `--gateway`, `--to` or `-- command`',
  proxy: 'A proxy with forward auth, the last two with `--stand-in`',
  attack: 'Attacks, with `--attack`',
}

/** Page of everything that `idplug doctor` can find. */
export function findingsPage(): string {
  const entries = Object.entries(catalogue) as [string, CatalogueEntry][]
  const groups = Object.entries(GROUPS).map(([group, title]) => {
    const members = entries.filter(([code]) => code.startsWith(`${group}.`))
    return `## ${title}\n\n${members.map(([code, entry]) => section(code, entry)).join('\n\n')}`
  })
  return `# Findings

What \`idplug doctor\` can find: ${entries.length} findings, each with a stable code. An error means that sign-in does not work or is not
safe; a warning, that some clients or users fail; a note is worth knowing. How to run it: [doctor.md](doctor.md). This page is made
from \`app/commands/doctor/catalogue/\` and \`adapters/*/console.ts\` by \`npm run docs\`.

${groups.join('\n\n')}
`
}

function section(code: string, { severity, title, expected, cure }: CatalogueEntry): string {
  const own = adapters.flatMap(({ name, title }) => {
    const fix = consoles[name]?.fixes[code]
    return fix === undefined ? [] : [`- ${title}: ${fix}`]
  })
  const atProxies = Object.entries({ nginx: 'nginx', caddy: 'Caddy' } as const).flatMap(([name, title]) => {
    const fix = proxyFixes[name as keyof typeof proxyFixes][code as FindingCode]
    return fix === undefined ? [] : [`- ${title}: ${fix}`]
  })
  const head = [`### ${code}`, '', `${title} (${severity}). Expected: ${expected}.`, '', `Cure: ${cure}`]
  return [...head, ...own, ...atProxies].join('\n')
}
