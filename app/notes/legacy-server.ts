import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import {
  CallToolRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv-provider.js'
import { callerOf } from './caller.ts'
import type { CallContext, Catalog } from './catalog.ts'
import type { CatalogTables } from './catalog-tables.ts'

// Building one costs more than serving a request. It keeps nothing about a connection.
const jsonSchemaValidator = new AjvJsonSchemaValidator()

/** A new server for one session, or for one request, of a 2025-11-25 or older client. Never share one between users. */
export function createLegacyServer({ name, title, version, instructions }: Catalog, tables: CatalogTables): Server {
  const server = new Server(
    { name, title, version },
    { capabilities: { tools: {}, resources: {}, prompts: {} }, instructions, jsonSchemaValidator },
  )
  server.setRequestHandler(ListToolsRequestSchema, () => tables.listTools())
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
    tables.callTool(params.name, params.arguments, contextOf(extra)),
  )
  server.setRequestHandler(ListResourcesRequestSchema, () => tables.listResources())
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [] }))
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }, extra) =>
    tables.readResource(params.uri, contextOf(extra)),
  )
  server.setRequestHandler(ListPromptsRequestSchema, () => tables.listPrompts())
  server.setRequestHandler(GetPromptRequestSchema, ({ params }, extra) =>
    tables.getPrompt(params.name, params.arguments, contextOf(extra)),
  )
  return server
}

function contextOf(extra: Pick<RequestHandlerExtra<never, never>, 'authInfo' | 'signal'>): CallContext {
  return { ...callerOf(extra.authInfo), signal: extra.signal }
}
