import { progress } from '@clack/prompts'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { demoUsers } from '../../../demo-as/users.ts'
import { loadDeclarations } from '../../declarations.ts'
import { readEnvironment } from '../../environment.ts'
import { paint, plural, WIDTH, wrap } from '../../terminal-text.ts'
import { EXIT } from '../exit.ts'
import { type ImportSummary, REJECTED, writeImportFiles } from './import-files.ts'
import { type ImportTarget, importFormats, importTargets } from './import-formats.ts'
import { type Invocation, run } from './invocation.ts'
import { listedUsers, openUserFile, type UserSource } from './user-file.ts'

const EXAMPLES = `
Examples:
  idplug migrate users --from demo --email-domain example.com --to auth0
  idplug migrate users --from users.csv --to azure --domain example.com
  idplug migrate users --from users.jsonl --to okta --out okta-import

A list is CSV with a header, JSON lines or a JSON array, with id, username,
name, given_name, family_name, email, email_verified, scopes; id and email are
needed. Called again after an interruption it goes on where it was.

Exit codes: 0 all users are in the files, 1 some cannot go (rejected.csv says
why), 2 wrong arguments.`

export function registerUsers(migrate: Command): void {
  migrate
    .command('users')
    .description('write the files that the new provider imports users from')
    .requiredOption('--from <list>', 'demo, or a file: .csv, .jsonl, .ndjson, .json')
    .addOption(new Option('--to <provider>', 'new provider').choices(importTargets).makeOptionMandatory())
    .option('--out <folder>', 'where the files go; default: import-<provider>')
    .option('--domain <domain>', 'your domain: azure and google take no other')
    .option('--email-domain <domain>', 'makes addresses for users of the demo')
    .option('--rows <number>', 'most users in one file', wholeNumber)
    .option('--restart', 'begin anew')
    .option('--json', 'print what was written as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run(users))
}

interface UsersOptions {
  from: string
  to: ImportTarget
  out?: string
  domain?: string
  emailDomain?: string
  rows?: number
  restart?: boolean
  json?: boolean
}

async function users({ options }: Invocation<UsersOptions>): Promise<number> {
  const { from, to: target, domain, rows: maxRows, restart } = options
  const source = from === 'demo' ? usersOfDemo(options.emailDomain) : await openUserFile(from)
  const folder = options.out ?? `import-${target}`
  const bar = startBar(options.json)
  const summary = await writeImportFiles({ source, target, folder, domain, maxRows, restart, onProgress: bar.show })
  bar.end()
  console.log(options.json ? JSON.stringify({ folder, ...summary }, null, 2) : summaryText(folder, target, summary))
  return summary.rejected > 0 ? EXIT.found : EXIT.fine
}

/** The people of the demo authorization server. Guests are not kept by it, and have no address. */
function usersOfDemo(emailDomain: string | undefined): UserSource {
  const declared = Object.values(loadDeclarations(readEnvironment('command').env))
  const resources = declared.map(({ scopes, initialScopes = [] }) => ({ scopes, defaultScopes: initialScopes }))
  const list = demoUsers(resources).map(({ subject, username, name, scopes }) => ({
    id: subject,
    username,
    name: `${name} Demo`,
    email: emailDomain && `${username}@${emailDomain}`,
    emailVerified: false,
    scopes,
  }))
  return listedUsers(`demo ${emailDomain}`, list)
}

function summaryText(folder: string, target: ImportTarget, { written, rejected, files, kept }: ImportSummary): string {
  const { title, steps } = importFormats[target]
  const range = files.length > 1 ? `${files[0]} to ${files.at(-1)}` : (files[0] ?? 'no file')
  const lines = [
    paint('bold', `${plural(written, 'user')} for ${title} in ${folder}: ${range}.`),
    kept > 0 ? `${kept} of ${files.length} files were complete before and were left as they are.` : '',
    rejected > 0 ? paint('yellow', `${plural(rejected, 'row')} cannot go; ${folder}/${REJECTED} says why.`) : '',
    files.length > 0 ? `\n${steps.map((step, index) => numbered(index + 1, step)).join('\n')}` : '',
  ]
  return lines.filter(Boolean).join('\n')
}

function numbered(number: number, text: string): string {
  return `  ${number}. ${wrap(text, WIDTH - 5).join('\n     ')}`
}

/** At a terminal a bar that moves, else nothing: what was done is said at the end. */
function startBar(silent = false) {
  if (silent || !process.stderr.isTTY) return { show: undefined, end() {} }
  const bar = progress({ max: 100, output: process.stderr })
  let shown = 0
  bar.start('Writing')
  return {
    show(share: number, rows: number) {
      const percent = Math.floor(share * 100)
      if (percent > shown) bar.advance(percent - shown, `${rows} rows`)
      shown = Math.max(shown, percent)
    },
    end: () => bar.stop('Done'),
  }
}

function wholeNumber(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It must be a whole number, 1 at least.')
  return Number(value)
}
