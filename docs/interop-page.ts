import {
  BEHAVIORS,
  BRIDGE_BEHAVIORS,
  bridge,
  direct,
  type Expected,
  introspection,
  isPossible,
  type Mode,
  userinfo,
} from '../test/interop/modes.ts'
import { definitions } from '../test/interop/servers/index.ts'
import type { Definition } from '../test/interop/servers/server.ts'

const MODES = { direct: 'by key', introspection: 'by introspection', userinfo: 'by UserInfo', bridge: 'bridge' }

/** Page of the authorization servers of others that are tested against. */
export function interopPage(): string {
  return `# Tested against

Our emulators and our authorization server are one way to read the specifications. So \`npm run test:interop\` runs the tables below over
servers and emulators that others wrote, in these versions, each as it comes but for what the last column says.
\`npm run setup:interop\` installs them; those of Debian come from apt (Debian 12). This page is made from \`test/interop\` by \`npm run docs\`.

| server | version | from | used | set up |
| --- | --- | --- | --- | --- |
${definitions.map(row).join('\n')}

## What is tried with tokens of a server

In these sentences RESOURCE is the URL of the MCP server, OTHER that of another one, and ada, ben and the clients are those of the tests.
Their scopes are what the server grants beside notes:read; what cures a refusal is left out here.

| what | by key | by introspection | by UserInfo |
| --- | --- | --- | --- |
${BEHAVIORS.map(name => `| ${name} | ${common(direct().expected[name])} | ${common(introspection().expected[name])} | ${common(userinfo().expected[name])} |`).join('\n')}

## What is tried through the bridge

By an official MCP client, whose person signs in at the server.

| what | what comes of it |
| --- | --- |
${BRIDGE_BEHAVIORS.map(name => `| ${name} | ${said(bridge().expected[name])} |`).join('\n')}

## What servers do otherwise, or cannot do

${definitions.map(section).filter(Boolean).join('\n\n')}
`
}

/** With the remark. */
function common(expected: Expected | undefined): string {
  const because = expected && 'says' in expected ? expected.because : undefined
  return because ? `${said(expected)}: ${because}` : said(expected)
}

function row({ name, version, from, setUp, modes }: Definition): string {
  const used = modes.map(mode => `${MODES[mode.name]} (\`${mode.adapter}\`)${isPossible(mode) ? '' : ': not possible'}`)
  return `| ${name} | ${version} | ${'debian' in from ? `Debian, \`${from.debian}\`` : `npm, \`${from.npm}\``} | ${[...new Set(used)].join('<br>')} | ${setUp} |`
}

function section(definition: Definition): string {
  const lines = [...new Set(definition.modes.flatMap(differences))]
  return lines.length === 0 ? '' : `### ${definition.name} ${definition.version}\n\n${lines.join('\n')}`
}

function differences(mode: Mode): string[] {
  const title = `**${MODES[mode.name]}** (\`${mode.adapter}\`)`
  if (!isPossible(mode)) return [`- ${title} is not possible: ${mode.because}. What is said: ${quoted(mode.refuses)}`]
  return Object.entries(mode.expected).flatMap(([name, expected]) => {
    if ('cannot' in expected) return [`- ${title}, *${name}*: cannot be tried, because ${expected.cannot}.`]
    if (expected.because === undefined || expected.because === usual(mode.name, name)) return []
    return [`- ${title}, *${name}*: ${said(expected)}, because ${expected.because}.`]
  })
}

/** The remark that the tables have for all servers. */
function usual(mode: Mode['name'], name: string): string | undefined {
  const { expected } = { direct, introspection, userinfo, bridge }[mode]()
  const common = (expected as Readonly<Record<string, Expected>>)[name]
  return common && 'says' in common ? common.because : undefined
}

/** Cures are long, and stand with the providers. */
function said(expected: Expected | undefined): string {
  return expected && 'says' in expected ? expected.says.map(quoted).join(', then ') : ''
}

function quoted(sentence: string): string {
  return `\`${sentence.replace(/; cure .*$/, '; cure …')}\``
}
