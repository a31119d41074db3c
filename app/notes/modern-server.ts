import { Server, type ServerContext } from '@modelcontextprotocol/server'
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv'
import { callerOf } from './caller.ts'
import type { CallContext, Catalog } from './catalog.ts'
import type { CatalogTables } from './catalog-tables.ts'

// Building one costs more than serving a request. It keeps nothing about a connection.
const jsonSchemaValidator = new AjvJsonSchemaValidator()

type Register = (server: Server, tables: CatalogTables) => void

const handlers = new Map<string, Register>([
  [
    'tools/call',
    (server, tables) =>
      server.setRequestHandler('tools/call', ({ params }, context) =>
        tables.callTool(params.name, params.arguments, contextOf(context)),
      ),
  ],
  ['tools/list', (server, tables) => server.setRequestHandler('tools/list', () => tables.listTools())],
  ['resources/list', (server, tables) => server.setRequestHandler('resources/list', () => tables.listResources())],
  [
    'resources/templates/list',
    server => server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates: [] })),
  ],
  [
    'resources/read',
    (server, tables) =>
      server.setRequestHandler('resources/read', ({ params }, context) =>
        tables.readResource(params.uri, contextOf(context)),
      ),
  ],
  ['prompts/list', (server, tables) => server.setRequestHandler('prompts/list', () => tables.listPrompts())],
  [
    'prompts/get',
    (server, tables) =>
      server.setRequestHandler('prompts/get', ({ params }, context) =>
        tables.getPrompt(params.name, params.arguments, contextOf(context)),
      ),
  ],
])

/**
 * A new server for one request of a 2026-07-28 client. The SDK's low-level class, because registering tools with its
 * `McpServer` converts and compiles every schema anew for every request.
 *
 * @param method - The one method that the server will be asked for. Default: any.
 */
export function createModernServer(catalog: Catalog, tables: CatalogTables, method?: string): Server {
  const { name, title, version, instructions } = catalog
  const server = new Server(
    { name, title, version },
    {
      capabilities: { tools: {}, resources: {}, prompts: {} },
      instructions,
      jsonSchemaValidator,
      supportedProtocolVersions: ['2026-07-28'],
    },
  )
  if (method === undefined) for (const register of handlers.values()) register(server, tables)
  else handlers.get(method)?.(server, tables)
  return server
}

function contextOf({ http, mcpReq }: ServerContext): CallContext {
  return { ...callerOf(http?.authInfo), signal: mcpReq.signal }
}
