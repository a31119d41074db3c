import type { Schema } from './schema-check.ts'

const text: Schema = { type: 'string', minLength: 1 }
const texts: Schema = { type: 'array', items: text }
const textsByName: Schema = { type: 'object', additionalProperties: texts }
const closed = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  additionalProperties: false,
  properties,
})

/**
 * JSON Schema of a `ResourceDeclaration`, to check against. Published with the descriptions of `docs/declaration-descriptions.ts`; of
 * these only what an error says stands here, because every server loads this file.
 */
export const declarationSchema: Schema = {
  ...closed({
    $schema: { type: 'string' },
    resource: text,
    name: { description: 'Name for people: the consent page shows it.', ...text },
    scopes: {
      description: 'Every scope of this server, with what it allows in the words of the consent page.',
      type: 'object',
      additionalProperties: text,
    },
    initialScopes: texts,
    includes: textsByName,
    publicUrls: texts,
    listing: { type: 'string', enum: ['same', 'hide'] },
    mcpHeaders: { type: 'string', enum: ['compared', 'unchecked'] },
    access: closed({
      tools: textsByName,
      resources: textsByName,
      prompts: textsByName,
      methods: textsByName,
      otherwise: texts,
      anonymous: closed({ methods: texts, tools: texts }),
    }),
    documentation: text,
  }),
  required: ['name', 'scopes'],
}
