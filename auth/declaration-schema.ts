import type { Schema } from './schema-check.ts'

const scopes = (description: string): Schema => ({
  description,
  type: 'array',
  items: { type: 'string', minLength: 1 },
})
const scopesByName = (description: string): Schema => ({
  description,
  type: 'object',
  additionalProperties: { type: 'array', items: { type: 'string', minLength: 1 } },
})
const texts = (description: string): Schema => ({ description, type: 'array', items: { type: 'string', minLength: 1 } })

/** JSON Schema of a `ResourceDeclaration`. Checked against, and published. */
export const declarationSchema: Schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Declaration of an MCP server as a protected resource',
  type: 'object',
  additionalProperties: false,
  required: ['name', 'scopes'],
  properties: {
    $schema: { description: 'For editors.', type: 'string' },
    resource: {
      description:
        'Identifier of this server (RFC 8707) and URL of its MCP endpoint, or a path below PUBLIC_URL. Default: /mcp.',
      type: 'string',
      minLength: 1,
    },
    name: { description: 'Name for people: the consent page shows it.', type: 'string', minLength: 1 },
    scopes: {
      description: 'Every scope of this server, with what it allows in the words of the consent page.',
      type: 'object',
      additionalProperties: { type: 'string', minLength: 1 },
    },
    initialScopes: scopes('Scopes that a client should ask for first.'),
    includes: scopesByName('Scopes that include others.'),
    publicUrls: texts('Further URLs at which clients reach this server, without the path of the endpoint.'),
    listing: {
      description: 'hide leaves out of listings what the token cannot use. Default: same, for everybody.',
      type: 'string',
      enum: ['same', 'hide'],
    },
    access: {
      description: 'What each operation needs. Default: every operation needs initialScopes.',
      type: 'object',
      additionalProperties: false,
      properties: {
        tools: scopesByName('Scopes that each tool needs, by its name.'),
        resources: scopesByName('Scopes that each resource needs, by its URI or URI template (RFC 6570).'),
        prompts: scopesByName('Scopes that each prompt needs, by its name.'),
        methods: scopesByName('Scopes that each JSON-RPC method needs in addition.'),
        otherwise: scopes('Scopes of tools, resources and prompts that no rule names. Default: initialScopes.'),
        anonymous: {
          description: 'What is answered without a token. Default: nothing.',
          type: 'object',
          additionalProperties: false,
          properties: {
            methods: texts('JSON-RPC methods.'),
            tools: texts('Tools, by their names.'),
          },
        },
      },
    },
    documentation: { description: 'URL of a page for people.', type: 'string', minLength: 1 },
  },
}
