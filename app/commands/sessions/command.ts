import Table from 'cli-table3'
import type { Command } from 'commander'
import type { GrantSummary } from '../../../demo-as/administration.ts'
import { EXIT } from '../exit.ts'
import { minuteOf, named, type Operator, type OperatorOptions, withStore } from './operator.ts'
import { sessionsOf } from './people.ts'

const EXAMPLES = `
Examples:
  idplug sessions list                          the first 100
  idplug sessions list --person ada@example.com
  idplug sessions end 3fQ…                      one, by its id
  idplug sessions end --person github:1001      all of a person

The settings are those of the server, and so is its store. A session that is
ended is over at once, but for access tokens that are JWTs (ACCESS_TOKEN_FORMAT)
and the cache of MCP servers (TOKEN_CACHE_SECONDS). It ends at the provider as
well, where that can be asked to. Each end is a line for the audit log, on
standard error.

Exit codes: 0 done, 1 nothing found or not done, 2 wrong arguments or settings.`

interface Options extends OperatorOptions {
  person?: string
  client?: string
  limit?: string
}

export function registerSessions(program: Command): void {
  const sessions = program.command('sessions').description('who is signed in, through which client; end it')
  sessions
    .command('list')
    .description('list sessions: person, client, last use')
    .option('--person <who>', 'only of this person: subject or login name')
    .option('--client <id>', 'only of this client')
    .option('--limit <count>', 'list so many at most', '100')
    .option('--json', 'print them as JSON')
    .addHelpText('after', EXAMPLES)
    .action((options: Options, command: Command) => {
      if (!/^[1-9]\d{0,6}$/.test(options.limit ?? '')) {
        command.error('error: --limit takes a number, such as 1000', { exitCode: EXIT.usage })
      }
      return withStore(command, options, operator => list(operator, options))
    })
  sessions
    .command('end')
    .description('end a session, or all of a person or client')
    .argument('[id]', 'of the session')
    .option('--person <who>', 'all of this person: subject or login name')
    .option('--client <id>', 'all of this client; it may come back')
    .option('--as <name>', 'who wants it, for the audit log; default: the user of this machine')
    .option('--json', 'print what was ended as JSON')
    .addHelpText('after', EXAMPLES)
    .action((id: string | undefined, options: Options, command: Command) => {
      if ([id, options.person, options.client].filter(given => given !== undefined).length !== 1) {
        command.error('error: name a session, or --person, or --client', { exitCode: EXIT.usage })
      }
      return withStore(command, options, operator => end(operator, id, options))
    })
}

async function list({ administration }: Operator, { person, client, limit, json }: Options): Promise<number> {
  const most = Number(limit)
  const found: GrantSummary[] = []
  const all =
    person === undefined
      ? administration.grants(client === undefined ? {} : { clientId: client })
      : await sessionsOf(administration, person)
  for await (const grant of all) {
    if (person !== undefined && client !== undefined && grant.clientId !== client) continue
    found.push(grant)
    if (found.length > most) break
  }
  const listed = found.slice(0, most)
  if (json) {
    console.log(JSON.stringify(listed.map(printable), null, 2))
    return EXIT.fine
  }
  console.log(listed.length === 0 ? 'Nobody is signed in.' : tableOf(listed))
  if (found.length > most) console.error(`There are more than ${most}; --limit lists more of them.`)
  return EXIT.fine
}

async function end(operator: Operator, id: string | undefined, { person, client, json }: Options): Promise<number> {
  const { administration, audit, by } = operator
  const ids: string[] = id === undefined ? [] : [id]
  // Collected first: what is deleted must not move the pages.
  if (person !== undefined) ids.push(...(await sessionsOf(administration, person)).map(({ grantId }) => grantId))
  if (client !== undefined)
    for await (const { grantId } of administration.grants({ clientId: client })) ids.push(grantId)
  const ended: GrantSummary[] = []
  for (const grantId of ids) {
    const grant = await administration.endGrant(grantId)
    if (!grant) continue
    ended.push(grant)
    audit.info({ event: 'session_ended', grant_id: grantId, subject: grant.subject, client_id: grant.clientId, by })
  }
  if (json) console.log(JSON.stringify(ended.map(printable), null, 2))
  else console.log(ended.length === 0 ? 'There is no such session.' : `Ended:\n${tableOf(ended)}`)
  return ended.length === 0 ? EXIT.found : EXIT.fine
}

/** With times that people and machines can read. */
function printable({ createdAt, usedAt, endsAt, ...grant }: GrantSummary) {
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString()
  return { ...grant, createdAt: iso(createdAt), usedAt: iso(usedAt), endsAt: iso(endsAt) }
}

function tableOf(grants: readonly GrantSummary[]): string {
  const table = new Table({ head: ['session', 'person', 'client', 'last use (UTC)'], style: { head: [], border: [] } })
  for (const { grantId, subject, username, clientId, clientName, usedAt } of grants) {
    const person = named(username === subject ? undefined : username, subject)
    table.push([grantId, person, named(clientName, clientId), minuteOf(usedAt)])
  }
  return table.toString()
}
