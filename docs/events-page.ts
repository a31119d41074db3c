import {
  authorizationServerEvents,
  commandEvents,
  type EventEntry,
  REQUEST_MEMBERS,
  serverEvents,
} from '../app/observe/events.ts'

/** Page of every event that the log can hold. */
export function eventsPage(): string {
  return `# The log

One JSON object a line on standard output (\`LOG_LEVEL\`, default \`info\`), or wherever \`jsonLines\` of \`@idplug/server/observe\` is given a logger.
Each line has \`level\`, \`time\` (ISO 8601) and \`event\`. Every decision is one line, so the log is the audit log as well: who (\`issuer\`, \`subject\`), through
which client (\`client_id\`), from where (\`address\`, through the proxies of \`TRUSTED_PROXIES\`), and under which \`request_id\`, which a refused client was told
(\`X-Request-Id\`). No line holds a token, a code or a secret. \`npx idplug explain --id ID\` finds a refusal by that id.

\`error\` means that an operator has to mend something, \`warn\` that something we depend on is away or that a setting deserves a look, \`info\` is the
day's work. Metrics count the same events: [production.md](production.md#metrics). This page is made from \`app/observe/events.ts\` by \`npm run docs\`.

## The process and the MCP server

${table(serverEvents)}

## The authorization server

Lines about a request also have ${REQUEST_MEMBERS.map(name => `\`${name}\``).join(' and ')}. An \`error\` of \`temporarily_unavailable\` makes the level \`warn\`.

${table(authorizationServerEvents)}

## Commands

\`npx idplug sessions\` and \`npx idplug clients\` write a line to standard error for each change. \`by\` is who made it: the user of the machine, or
what \`--as\` says. They run beside the servers, so append the lines to the log yourself: \`npx idplug sessions end … 2>> audit.log\`.

${table(commandEvents)}
`
}

function table(events: Readonly<Record<string, EventEntry>>): string {
  const rows = Object.entries(events).map(([name, { level, members, means, action = '' }]) => {
    const listed = members.map(member => `\`${member}\``).join(', ')
    return `| \`${name}\` | ${level} | ${means} | ${action} | ${listed} |`
  })
  return ['| event | level | when | what to do | members |', '| --- | --- | --- | --- | --- |', ...rows].join('\n')
}
