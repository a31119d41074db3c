import { declarationSchema } from '../auth/declaration-schema.ts'
import type { Schema } from '../auth/schema-check.ts'

/** What editors say about the members of a declaration, by their paths. */
const descriptions: Readonly<Record<string, string>> = {
  $schema: 'For editors.',
  resource:
    'Identifier of this server (RFC 8707) and URL of its MCP endpoint, or a path below PUBLIC_URL. Default: /mcp.',
  initialScopes: 'Scopes that a client should ask for first.',
  includes: 'Scopes that include others.',
  publicUrls: 'Further URLs at which clients reach this server, without the path of the endpoint.',
  listing: 'hide leaves out of listings what the token cannot use. Default: same, for everybody.',
  mcpHeaders:
    'compared: the server refuses requests whose Mcp-Method or Mcp-Name header differs from the body, so forward auth may go by them. Default: unchecked.',
  access: 'What each operation needs. Default: every operation needs initialScopes.',
  'access.tools': 'Scopes that each tool needs, by its name.',
  'access.resources': 'Scopes that each resource needs, by its URI or URI template (RFC 6570).',
  'access.prompts': 'Scopes that each prompt needs, by its name.',
  'access.methods': 'Scopes that each JSON-RPC method needs in addition.',
  'access.otherwise': 'Scopes of tools, resources and prompts that no rule names. Default: initialScopes.',
  'access.anonymous': 'What is answered without a token. Default: nothing.',
  'access.anonymous.methods': 'JSON-RPC methods.',
  'access.anonymous.tools': 'Tools, by their names.',
  documentation: 'URL of a page for people.',
}

/** The schema of a declaration as it is published. */
export const publishedDeclarationSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Declaration of an MCP server as a protected resource',
  ...described(declarationSchema, ''),
}

/** @throws {Error} A member has no description. */
function described(schema: Schema, place: string): Schema {
  const { properties, ...others } = schema
  const description = place === '' ? undefined : (schema.description ?? descriptions[place])
  if (place !== '' && !description) throw new Error(`docs/declaration-descriptions.ts has nothing about ${place}`)
  return {
    ...(description && { description }),
    ...others,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, member]) => [
          name,
          described(member, place ? `${place}.${name}` : name),
        ]),
      ),
    }),
  }
}
