// Writes what is made from the source: pages of settings, .env.example, the schema of config/*.json, and the snippets of pages. With
// --check it only compares.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

import { forPowerShell } from '../app/powershell.ts'
import { secretSettings, settingsSchema } from '../config/settings.ts'
import { conformancePage } from './conformance-page.ts'
import { publishedDeclarationSchema } from './declaration-descriptions.ts'
import { eventsPage } from './events-page.ts'
import { findingsPage } from './findings-page.ts'
import { firstContactPage } from './first-contact-page.ts'
import { publishedGatewaySchema } from './gateway-schema.ts'
import { interopPage } from './interop-page.ts'
import { providerSchema, providersPage } from './provider-reference.ts'
import { whichShapePage } from './which-shape-page.ts'

interface JsonSchemaField {
  description?: string
  default?: unknown
  enum?: string[]
}

const schema = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' })
const fields = Object.entries(schema.properties ?? {}) as [string, JsonSchemaField][]

const defaultOf = (name: string) => {
  const parsed = settingsSchema.shape[name as keyof typeof settingsSchema.shape].safeParse(undefined)
  if (!parsed.success || parsed.data === undefined) return undefined
  const { data } = parsed
  if (typeof data !== 'object') return String(data)
  return Array.isArray(data)
    ? data.join(',')
    : Object.entries(data)
        .map(pair => pair.join('='))
        .join(',')
}
const secrets = new Set<string>(secretSettings)

/** One of each kind that stands in the pages. */
const windowsLines = [
  'AUTH_PROVIDER=auth0 AUTH0_DOMAIN=acme.eu.auth0.com npm start',
  'GOOGLE_GRANT_SCOPES="notes:read notes:write" npm start',
  'AUTH_METADATA_URL="$ISSUER/.well-known/openid-configuration" node server.ts',
  'npx idplug explain < token.txt',
  'curl -si -X POST http://localhost:3000/mcp',
]
const cell = (text: string) => text.replaceAll('|', '\\|')

const settingsPage = `# Settings

Environment variables of \`npm start\`, also from [\`.env\`](#env). In PowerShell: \`$env:AUTH_PROVIDER='auth0'; npm start\` ([Windows](#windows)). An empty one counts as not set. All mistakes are reported at once, at the
start; [misspelled settings](#misspelled-settings) are errors, too. Settings of the providers: [providers.md](providers.md).
This page is made from \`config/settings.ts\` by \`npm run docs\`.

| setting | default | values | what it does |
| --- | --- | --- | --- |
${fields
  .map(([name, field]) => {
    const value = defaultOf(name)
    const values = field.enum ? field.enum.map(item => `\`${item}\``).join(', ') : ''
    return `| \`${name}\` | ${value ? `\`${value}\`` : ''} | ${values} | ${field.description ?? ''} |`
  })
  .join('\n')}

Secrets can be mounted as files: ${[...secrets].map(name => `\`${name}_FILE=/run/secrets/…\``).join(', ')}.

Calls to the provider go through the proxy that \`HTTPS_PROXY\`, \`HTTP_PROXY\` and \`NO_PROXY\` name, except those to localhost. They trust
the certificate authorities of \`AUTH_CA_FILE\` beside those of Node.

## Misspelled settings

A setting that has no effect could leave the server unprotected. So it is an error at startup, which says what to do, when

- a variable differs from a setting by a letter or two, in upper or lower case: \`AUTH_PROVDER\`, \`auth_provider\`, \`AUTH0_DOMIAN\`. Members of
  JSON files are checked in the same way. Variables that other software is known to set (\`GOOGLE_CLIENT_ID\`, \`REDIS_URI\`) only cause a warning;
- no provider is chosen, but settings of one are present: \`AUTH0_DOMAIN\` without \`AUTH_PROVIDER\`. With \`AUTH_PROVIDER=demo\` the demo starts
  anyway. If a provider is chosen, settings of another one only cause a warning;
- settings of the bridge are present without \`AUTH_BRIDGE\`. \`AUTH_BRIDGE=off\` ignores them;
- others could reach the demo sign-in: [production.md](production.md);
- a value is in quotation marks, or still a placeholder of a guide. The shell and \`.env\` take quotation marks off; \`docker --env-file\` and the
  \`set\` of Windows do not.

Warnings go to standard error, one per line.

## .env

\`npm start\`, \`idplug authorization-server\` and the commands \`doctor\`, \`explain\`, \`keys\`, \`sessions\`, \`clients\`, \`store\`, \`migrate\` and \`init\` read \`.env\` in the working directory, and say so
in one line on standard error. \`login\`, \`call\`, \`tools\`, \`whoami\`, \`logout\`, \`conformance\` and \`emulate\` do not read it, nor do \`doctor URL\` and
\`migrate status URL\`. The environment wins over \`.env\`, even if a variable is empty.

| from \`.env\` come | the server | commands |
| --- | --- | --- |
| settings of this page and of the providers, \`NODE_ENV\`, and variables that your own configuration files refer to | yes | yes |
| \`AUTH_CONFIG\`, and \`AUTH_SHADOW\` with a path: such a file can load code (an adapter) and send any secret | yes | no: an error says to set it in the environment |
| \`AUTH_CA_FILE\`: authorities to trust | yes | no, likewise |
| a secret in a file (\`…_FILE\`) outside the folder of \`.env\` | yes | no, likewise |
| proxies (\`HTTPS_PROXY\` and similar), \`NODE_…\` other than \`NODE_ENV\`, certificate files of OpenSSL, all other variables | no | no |

So a command that you start in somebody else's folder does not run their code. Their settings still apply: \`explain\` asks the provider
that \`.env\` names about your token. Check the line that says what was read, or start the command elsewhere.

It may be in UTF-8 or UTF-16, with the line ends of any system. Of a line that is about a setting, nothing is lost silently. It is an error,
with its number, when it sets nothing (\`AUTH_PROVIDER: auth0\`), when it has two settings, when a quotation mark is not closed, when a \`#\` within a
word begins a comment, and when an earlier line sets the same to something else; so is a file that holds JSON, or no \`NAME=value\` at all.

## Windows

Lines of these pages are for the shells of Linux and macOS; on Windows, Git Bash and WSL take them as they are. What PowerShell takes
(*not run there*, written by its documentation):

| here | in PowerShell |
| --- | --- |
${windowsLines.map(line => `| \`${cell(line)}\` | \`${cell(forPowerShell(line))}\` |`).join('\n')}

Windows PowerShell (5.1; not 7.3 and later) takes double quotation marks out of what a program gets: write JSON in arguments as
\`'{\\"text\\":\\"Milk\\"}'\`. A line that ends in a backslash goes on in the next one: write both as one line, or a backtick in place of the backslash. A variable stays
set until the window is closed; \`Remove-Item Env:AUTH_PROVIDER\` takes it away. The same on every system: put \`NAME=value\` into
[\`.env\`](#env), one in a line, and start \`npx idplug …\` without them; your own server with \`node --env-file=.env server.ts\`.
`

const envExample = `# Copy to .env; npm start and most commands read it (docs/settings.md). What is set in the environment wins.
# Everything has a default; what each setting does: docs/settings.md

${fields.map(([name]) => `#${name}=${secrets.has(name) ? '' : (defaultOf(name) ?? '')}`).join('\n')}
`

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

// Snippets are files that the type checker sees and that tests run; there they import by path, on the pages by name.
const withSnippets = (page: string) =>
  read(page).replace(/<!-- (\S+) -->\n```(\w+)\n[\s\S]*?```/g, (_block, path: string, language: string) => {
    const text = read(path)
      .replace(/'(?:\.\.\/)+(?:src\/)?index\.ts'/, "'idplug'")
      .replace(/'(?:\.\.\/)+(?:src\/)?testing\/index\.ts'/, "'idplug/testing'")
    return `<!-- ${path} -->\n\`\`\`${language}\n${text}\`\`\``
  })

const files: [path: string, text: string][] = [
  ['docs/settings.md', settingsPage],
  ['.env.example', envExample],
  ['config/provider.schema.json', providerSchema()],
  ['config/resource.schema.json', `${JSON.stringify(publishedDeclarationSchema, null, 2)}\n`],
  ['config/gateway.schema.json', `${JSON.stringify(publishedGatewaySchema, null, 2)}\n`],
  ['docs/providers.md', providersPage()],
  ['docs/events.md', eventsPage()],
  ['docs/findings.md', findingsPage()],
  ['docs/conformance/checks.md', conformancePage()],
  ['docs/first-contact.md', firstContactPage()],
  ['docs/interop.md', interopPage()],
  ['docs/which-shape.md', await whichShapePage()],
  ['README.md', withSnippets('README.md')],
  ['docs/adapters.md', withSnippets('docs/adapters.md')],
  ['docs/own-server.md', withSnippets('docs/own-server.md')],
  ['docs/identity-to-target.md', withSnippets('docs/identity-to-target.md')],
]
const check = process.argv.includes('--check')
for (const [path, text] of files) {
  if (!check) {
    writeFileSync(new URL(`../${path}`, import.meta.url), text)
  } else if (!existsSync(new URL(`../${path}`, import.meta.url)) || read(path) !== text) {
    console.error(`${path} is not in step with the source. Run: npm run docs`)
    process.exitCode = 1
  }
}
