import { existsSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { stringify } from 'csv-stringify/sync'
import type { IdentityLink } from 'idplug'
import { createLinkSet, LINK_COLUMNS, readLinks } from 'idplug/internal'
import { readEnvironment } from '../../environment.ts'
import { writeWhole } from '../../replace-file.ts'
import { paint, WIDTH, wrap } from '../../terminal-text.ts'
import { EXIT } from '../exit.ts'
import { configuredIssuers } from './configured-issuers.ts'
import { type Invocation, run } from './invocation.ts'
import { type LinkingResult, linkByEmail, linkPairs } from './link-users.ts'
import { openUserFile } from './user-file.ts'

const EXAMPLES = `
Examples:
  idplug migrate link --from old.csv --to new.csv --out links.csv
  idplug migrate link --pairs pairs.csv --out links.csv
  AUTH_LINKS=links.csv npx idplug                use them

Exit codes: 0 all users are linked, 1 some are not (they are listed), 2 wrong
arguments.`

export function registerLink(migrate: Command): void {
  migrate
    .command('link')
    .description('link identities, so that users find what was theirs')
    .option('--from <file>', 'users of the old provider')
    .option('--to <file>', 'users of the new provider')
    .option('--pairs <file>', 'CSV with old_subject,new_subject instead')
    .option('--from-issuer <url>', 'default: of the configured provider in force')
    .option('--to-issuer <url>', 'default: of the configured new provider')
    .option('--to-prefix <text>', 'put before ids of the new list: TENANT_ID. for azure')
    .addOption(
      new Option('--vouch <side...>', 'addresses of this list are verified, all').choices(['from', 'to']).default([]),
    )
    .option('--out <file>', 'links are added to it', 'links.csv')
    .option('--json', 'print what was linked as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run(link))
}

interface LinkOptions {
  from?: string
  to?: string
  pairs?: string
  fromIssuer?: string
  toIssuer?: string
  toPrefix?: string
  vouch: readonly string[]
  out: string
  json?: boolean
}

async function link({ options, usage }: Invocation<LinkOptions>): Promise<number> {
  const { from, to, pairs, out, vouch, toPrefix } = options
  if (pairs === undefined && (from === undefined || to === undefined))
    return usage('--from and --to are needed, or --pairs')
  if (pairs !== undefined && (from ?? to) !== undefined)
    return usage('--pairs stands for itself; leave out --from and --to')
  const known = options.fromIssuer && options.toIssuer ? undefined : await configuredIssuers(readEnvironment('command'))
  const former = { issuer: options.fromIssuer ?? known?.former ?? '' }
  const current = { issuer: options.toIssuer ?? known?.current ?? '', subjectPrefix: toPrefix }
  const result =
    pairs !== undefined
      ? await linkPairs(pairs, former, current)
      : await linkByEmail(
          { ...former, source: await openUserFile(from ?? ''), vouched: vouch.includes('from') },
          { ...current, source: await openUserFile(to ?? ''), vouched: vouch.includes('to') },
        )
  const { links, notLinked } = withoutContradictions(existsSync(out) ? readLinks(out) : [], result)
  // A running server may look at it at any time.
  await writeWhole(out, linksText(links))
  if (options.json) console.log(JSON.stringify({ file: out, linked: links.length, notLinked }, null, 2))
  else console.log(linkedText(out, links.length, notLinked))
  return notLinked.length > 0 ? EXIT.found : EXIT.fine
}

/** Adds links to those that are there already; one that contradicts them is not made. */
function withoutContradictions(before: readonly IdentityLink[], { links, notLinked }: LinkingResult): LinkingResult {
  const set = createLinkSet()
  for (const link of before) set.add(link)
  const left = [...notLinked]
  const kept = new Map(before.map(link => [cellsOf(link).join('\n'), link]))
  for (const link of links) {
    const contradiction = set.add(link)
    if (contradiction === undefined) kept.set(cellsOf(link).join('\n'), link)
    else left.push({ id: link.former.subject, reason: `cannot be linked: ${contradiction}` })
  }
  return { links: [...kept.values()], notLinked: left }
}

function cellsOf({ former, current }: IdentityLink): string[] {
  return [former.issuer, former.subject, current.issuer, current.subject]
}

function linksText(links: readonly IdentityLink[]): string {
  return stringify([[...LINK_COLUMNS], ...links.map(cellsOf)])
}

function linkedText(file: string, linked: number, notLinked: LinkingResult['notLinked']): string {
  const left = notLinked.map(({ id, reason }) => `  ${wrap(`${id} ${reason}`, WIDTH - 2).join('\n  ')}`)
  const lines = [
    paint('bold', `Linked in ${file}: ${linked}. The server uses it with AUTH_LINKS=${file}.`),
    ...(left.length > 0 ? ['', paint('yellow', `${left.length} are not:`), ...left] : []),
  ]
  return lines.join('\n')
}
