import type { Server as LegacyServer } from '@modelcontextprotocol/sdk/server/index.js'
import type { McpServer as LegacyMcpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { EventStore } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import type { McpServer as ModernMcpServer, Server as ModernServer, ServerEventBus } from '@modelcontextprotocol/server'
import type { Catalog } from './catalog.ts'
import { createCatalogTables } from './catalog-tables.ts'
import { createLegacyServer } from './legacy-server.ts'
import { createModernServer } from './modern-server.ts'

/**
 * Where the endpoint gets its servers from. Whatever these serve, they are bound to one connection each: returning the same
 * server twice would show one user's answers to another (CVE-2026-25536), so both endpoints refuse to connect it again.
 */
export interface McpServers {
  /** New server for one session, or one request without sessions, of a client that speaks 2025-11-25 or older. */
  createLegacy(): LegacyServer | LegacyMcpServer
  /** New server for one request of a client that speaks 2026-07-28. */
  createModern(): ModernServer | ModernMcpServer
  /**
   * The same for requests of this one method, which then go a shorter way. Its handlers must read what the client can do from
   * `context.mcpReq.envelope`, not from the server's deprecated accessors, and its tools cannot have `x-mcp-header`
   * parameters. `supportedProtocolVersions` has to name 2026-07-28. Default: every request goes the SDK's way.
   */
  createModernFor?(method: string): ModernServer
  /** New store for the events of one session, where clients may resume streams (2025-11-25). */
  createEventStore?(): EventStore
  /** Where changes come from that 2026-07-28 clients listen for. */
  readonly bus?: ServerEventBus
}

/**
 * Servers for both generations of the protocol from one catalog.
 *
 * @param onError - Told of errors in tools, resources and prompts that are bugs rather than answers.
 */
export function createCatalogServers(
  catalog: Catalog,
  onError: (error: unknown, operation: string) => void,
): McpServers {
  const tables = createCatalogTables(catalog, onError)
  return {
    createLegacy: () => createLegacyServer(catalog, tables),
    createModern: () => createModernServer(catalog, tables),
    createModernFor: method => createModernServer(catalog, tables, method),
  }
}
