// Writes what is made from the source: pages of settings, .env.example, the schema of config/*.json, and the snippets of pages. With
// --check it only compares.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { secretSettings, settingsSchema } from '../config/settings.ts'
import { findingsPage } from './findings-page.ts'
import { providerSchema, providersPage } from './provider-reference.ts'

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
  return Array.isArray(parsed.data) ? parsed.data.join(',') : String(parsed.data)
}
const secrets = new Set<string>(secretSettings)

const settingsPage = `# Settings

Environment variables of \`npm start\`. An empty one counts as not set. All mistakes are reported at once, at the start.
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

Calls to the provider go through the proxy that \`HTTPS_PROXY\`, \`HTTP_PROXY\` and \`NO_PROXY\` name, except those to localhost.
`

const envExample = `# Copy to .env; npm start reads it. What is set in the environment wins.
# Everything has a default; what each setting does: docs/settings.md

${fields.map(([name]) => `#${name}=${secrets.has(name) ? '' : (defaultOf(name) ?? '')}`).join('\n')}
`

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

// Snippets are files that the type checker sees and that tests run; there they import by path, on the pages by name.
const withSnippets = (page: string) =>
  read(page).replace(/<!-- (\S+) -->\n```(\w+)\n[\s\S]*?```/g, (_block, path: string, language: string) => {
    const text = read(path)
      .replace(/'(?:\.\.\/)+src\/index\.ts'/, "'idplug'")
      .replace(/'(?:\.\.\/)+(?:src\/)?testing\/index\.ts'/, "'idplug/testing'")
    return `<!-- ${path} -->\n\`\`\`${language}\n${text}\`\`\``
  })

const files: [path: string, text: string][] = [
  ['docs/settings.md', settingsPage],
  ['.env.example', envExample],
  ['config/provider.schema.json', providerSchema()],
  ['docs/providers.md', providersPage()],
  ['docs/findings.md', findingsPage()],
  ['README.md', withSnippets('README.md')],
  ['docs/adapters.md', withSnippets('docs/adapters.md')],
  ['docs/own-server.md', withSnippets('docs/own-server.md')],
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
