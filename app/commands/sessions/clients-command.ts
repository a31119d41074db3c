import Table from 'cli-table3'
import type { Command } from 'commander'
import type { ClientSummary } from '../../../demo-as/administration.ts'
import { EXIT } from '../exit.ts'
import { minuteOf, named, type Operator, type OperatorOptions, plainText, withStore } from './operator.ts'

const EXAMPLES = `
Examples:
  idplug clients list
  idplug clients revoke https://client.example/client.json
  idplug clients allow https://client.example/client.json    after all

Clients are listed that somebody has signed in with. One that is revoked loses
all of its sessions and does not come back under its id: its registration is
deleted, its metadata document is not accepted. A client of AUTH_CLIENTS_FILE
has to be removed from there as well. Each change is a line for the audit log,
on standard error.

Exit codes: 0 done, 1 nothing found or not done, 2 wrong arguments or settings.`

export function registerClients(program: Command): void {
  const clients = program.command('clients').description('applications that people have signed in with; revoke one')
  clients
    .command('list')
    .description('list clients: sessions, last use')
    .option('--json', 'print them as JSON')
    .addHelpText('after', EXAMPLES)
    .action((options: OperatorOptions, command: Command) =>
      withStore(command, options, operator => list(operator, options)),
    )
  clients
    .command('revoke')
    .description('end a client and all of its sessions, for good')
    .argument('<id>', 'client id')
    .option('--as <name>', 'who wants it, for the audit log; default: the user of this machine')
    .option('--json', 'print the sessions that ended as JSON')
    .addHelpText('after', EXAMPLES)
    .action((id: string, options: OperatorOptions, command: Command) =>
      withStore(command, options, operator => revoke(operator, id, options)),
    )
  clients
    .command('allow')
    .description('let a client that was revoked come back')
    .argument('<id>', 'client id')
    .option('--as <name>', 'who wants it, for the audit log; default: the user of this machine')
    .addHelpText('after', EXAMPLES)
    .action((id: string, options: OperatorOptions, command: Command) =>
      withStore(command, options, operator => allow(operator, id)),
    )
}

async function list({ administration }: Operator, { json }: OperatorOptions): Promise<number> {
  const found: ClientSummary[] = []
  for await (const client of administration.clients()) found.push(client)
  if (json) {
    console.log(JSON.stringify(found.map(printable), null, 2))
    return EXIT.fine
  }
  if (found.length === 0) {
    console.log('Nobody is signed in with any client.')
    return EXIT.fine
  }
  const table = new Table({
    head: ['client', 'sessions', 'last use (UTC)', 'revoked'],
    style: { head: [], border: [] },
  })
  for (const { clientId, clientName, sessions, usedAt, revoked } of found) {
    const state = revoked ? `by ${plainText(revoked.by)}` : ''
    table.push([named(clientName, clientId), sessions, usedAt === undefined ? '' : minuteOf(usedAt), state])
  }
  console.log(table.toString())
  return EXIT.fine
}

async function revoke(operator: Operator, clientId: string, { json }: OperatorOptions): Promise<number> {
  const { administration, audit, by } = operator
  const wasKnown = await administration.knowsClient(clientId)
  const ended = await administration.revokeClient(clientId, by)
  audit.info({ event: 'client_revoked', client_id: clientId, sessions: ended.length, by })
  for (const { grantId, subject } of ended) {
    audit.info({ event: 'session_ended', grant_id: grantId, subject, client_id: clientId, by })
  }
  if (json)
    console.log(
      JSON.stringify(
        ended.map(({ grantId, subject }) => ({ grantId, subject })),
        null,
        2,
      ),
    )
  else if (ended.length === 0 && !wasKnown)
    console.log(
      `Nobody has signed in with ${plainText(clientId)}, so no session ended. It is refused from now on; if the id is misspelled, take that back: idplug clients allow ${plainText(clientId)}`,
    )
  else console.log(`Revoked ${plainText(clientId)}; ${ended.length} of its sessions ended.`)
  return EXIT.fine
}

async function allow({ administration, audit, by }: Operator, clientId: string): Promise<number> {
  if (!(await administration.allowClient(clientId))) {
    console.log('This client was not revoked.')
    return EXIT.found
  }
  audit.info({ event: 'client_allowed', client_id: clientId, by })
  console.log(`${plainText(clientId)} may come back.`)
  return EXIT.fine
}

/** With times that people and machines can read. */
function printable({ usedAt, revoked, ...client }: ClientSummary) {
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString()
  return {
    ...client,
    ...(usedAt !== undefined && { usedAt: iso(usedAt) }),
    ...(revoked && { revoked: { at: iso(revoked.at), by: revoked.by } }),
  }
}
