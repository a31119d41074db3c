import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { adapters, type NamedProvider, namedProviders } from '../adapters/index.ts'
import { providerVariables } from '../config/known-names.ts'
import type { Adapter } from '../src/adapter.ts'

type JsonSchema = Record<string, unknown>

const at = (path: string) => new URL(`../${path}`, import.meta.url)

/** What a file may hold in place of any value. */
const REFERENCE = { type: 'string', pattern: '\\$\\{', description: 'A reference to the environment.' }

/** JSON Schema of the files in `config/`, for editors. Looser than the loader, which also knows what expands to what. */
export function providerSchema(): string {
  const own = {
    type: 'object',
    description: 'An adapter of your own: the path of its module, relative to the file (docs/adapters.md).',
    properties: { adapter: { type: 'string', pattern: '^\\.{0,2}/' }, metadataUrl: { type: 'string' } },
    required: ['adapter', 'metadataUrl'],
  }
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of an identity provider',
    anyOf: [...adapters.map(optionsSchema), own],
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}

function optionsSchema(adapter: Adapter): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(adapter.options, { io: 'input', unrepresentable: 'any' })
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).map(([name, property]) => {
    if (name === 'adapter' || name === '$schema') return [name, property]
    const { description, default: fallback, ...value } = property
    return [name, { description, default: fallback, anyOf: [value, REFERENCE] }]
  })
  return { title: adapter.title, ...schema, properties: Object.fromEntries(properties) }
}

/** `docs/providers.md`. */
export function providersPage(): string {
  return `# Providers

\`AUTH_PROVIDER\` names the provider whose tokens are accepted, or several with commas between them. Its settings stand in
\`config/<name>.json\`, mostly as references to environment variables; a file of your own takes its place with \`AUTH_CONFIG\`.
With \`AUTH_METADATA_URL\` alone, the provider is the one that the URL is known to be of, else \`oidc\`. One that is missing here is
a file: [adapters.md](adapters.md).

Every mistake is reported at the start, under the name of the setting. This page is made from the schemas by \`npm run docs\`.

${adapters.map(section).join('\n')}
## Products

Settings alone, over the adapter \`oidc\`: each has the options above, and these variables. What they are, and what to set up at the product:
[providers/presets.md](providers/presets.md). \`entra\` is another name of \`azure\`.

| name | product | variables |
| --- | --- | --- |
${namedProviders
  .filter(({ name, adapter }) => name !== adapter.name)
  .map(productRow)
  .join('\n')}
`
}

function section(adapter: Adapter): string {
  const page = `providers/${adapter.name}.md`
  const link = existsSync(at(`docs/${page}`))
    ? `How to set it up, which clients connect, frequent mistakes, refusals, how to test: [${page}](${page}).\n\n`
    : ''
  const file = JSON.parse(readFileSync(at(`config/${adapter.name}.json`), 'utf8')) as Record<string, unknown>
  const rows = Object.entries(adapter.options.shape)
    .filter(([name]) => name !== '$schema' && name !== 'adapter')
    .map(([name, field]) => {
      const cells = [`\`${name}\``, variables(file[name]), defaultOf(field), field.description ?? '']
      return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
    })
  return `## \`${adapter.name}\`: ${adapter.title}

${link}| option | variable | default | what it is |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}

function productRow({ name, title }: NamedProvider): string {
  const variables = providerVariables(name).map(variable => `\`${variable}\``)
  return `| \`${name}\` | ${title} | ${variables.join(', ')} |`
}

/** Variables that a value of a file refers to; the name itself where a file names a secret. */
function variables(value: unknown): string {
  const text = JSON.stringify(value) ?? ''
  const names = [...text.matchAll(/\$\{(\w+)|:\+(\w+)\}|^"([A-Z_]+)"$/g)].map(match => match[1] ?? match[2] ?? match[3])
  return [...new Set(names)].map(name => `\`${name}\``).join(', ')
}

function defaultOf(field: z.core.$ZodType): string {
  const parsed = z.safeParse(field, undefined)
  if (!parsed.success) return 'required'
  const { data } = parsed
  const empty = data === undefined || data === '' || (typeof data === 'object' && Object.keys(data ?? {}).length === 0)
  if (empty) return ''
  return `\`${Array.isArray(data) ? data.join(' ') : String(data)}\``
}
