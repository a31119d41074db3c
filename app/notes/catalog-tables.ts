import { z } from 'zod'
import type { ValidatedToken } from '../../src/token-validator.ts'
import {
  type CallContext,
  type Catalog,
  type PromptArgument,
  RpcError,
  type ToolAnnotations,
  ToolError,
} from './catalog.ts'

const invalidParams = -32602
const internalError = -32603
/** Up to 2025-11-25; the 2.x SDK turns it into -32602, which 2026-07-28 wants. */
const resourceNotFound = -32002

// Aliases, and arrays that are not `readonly` although frozen: the SDKs' result types take neither interfaces nor
// read-only arrays.
type JsonSchemaObject = { type: 'object'; [keyword: string]: unknown }
export type ListedTool = {
  name: string
  title: string
  description: string
  inputSchema: JsonSchemaObject
  outputSchema: JsonSchemaObject
  annotations: ToolAnnotations
  _meta?: { 'idplug/missingScopes': string[] }
}
type ListedResource = { uri: string; name: string; title: string; description: string; mimeType: string }
type ListedPrompt = { name: string; title: string; description: string; arguments: PromptArgument[] }
export type ToolResult = {
  content: { type: 'text'; text: string }[]
  structuredContent?: Record<string, unknown>
  isError?: boolean
}

/**
 * A catalog made ready to serve: everything that can be worked out once is worked out once. Deeply frozen and bound to no
 * connection, so that every server of every user may share it.
 *
 * Scopes are enforced at the HTTP layer, where a refusal is a challenge that clients understand. They are looked at once
 * more here, right before a handler runs, so that no way of spelling a request can make the two layers disagree.
 */
export interface CatalogTables {
  /** Every scope that some operation needs, sorted. */
  readonly scopesSupported: readonly string[]
  /** Scopes that one request needs; none when the method needs none, or when what it names does not exist. */
  scopesOf(method: string, params: Readonly<Record<string, unknown>>): readonly string[]
  /** Tools out of the token's reach are listed too, marked, so that clients can step up. */
  listTools(token: ValidatedToken): { tools: ListedTool[] }
  /** @throws {RpcError} No tool has this name. Everything else that goes wrong is a result with `isError`. */
  callTool(name: string, args: unknown, context: CallContext): Promise<ToolResult>
  listResources(): { resources: ListedResource[] }
  /** @throws {RpcError} No resource has this URI. */
  readResource(
    uri: string,
    context: CallContext,
  ): Promise<{ contents: { uri: string; mimeType: string; text: string }[] }>
  listPrompts(): { prompts: ListedPrompt[] }
  /** @throws {RpcError} No prompt has this name, or a required argument is missing. */
  getPrompt(
    name: string,
    args: Readonly<Record<string, string>> | undefined,
    context: CallContext,
  ): Promise<{ description: string; messages: { role: 'user'; content: { type: 'text'; text: string } }[] }>
}

/** @param onError - Told of errors that are bugs rather than answers. Clients only learn that the operation failed. */
export function createCatalogTables(
  catalog: Catalog,
  onError: (error: unknown, operation: string) => void,
): CatalogTables {
  const tools = new Map(catalog.tools.map(tool => [tool.name, tool]))
  const resources = new Map(catalog.resources.map(resource => [resource.uri, resource]))
  const prompts = new Map(catalog.prompts.map(prompt => [prompt.name, prompt]))
  const scopesSupported = [
    ...new Set([...tools.values(), ...resources.values(), ...prompts.values()].flatMap(scopesIn)),
  ]
  const listedTools = catalog.tools.map(
    (tool): ListedTool => ({
      name: tool.name,
      title: tool.title,
      description: tool.description,
      inputSchema: jsonSchema(tool.inputSchema, 'input'),
      outputSchema: jsonSchema(tool.outputSchema, 'output'),
      annotations: { ...tool.annotations },
    }),
  )
  // One list per set of granted scopes that makes a difference.
  const toolLists = new Map<string, { tools: ListedTool[] }>()
  const resourceList = deepFreeze({
    resources: catalog.resources.map(({ read: _, scopes: __, ...listed }) => listed),
  })
  const promptList = deepFreeze({
    prompts: catalog.prompts.map(({ render: _, scopes: __, ...listed }) => ({
      ...listed,
      arguments: listed.arguments.map(argument => ({ ...argument })),
    })),
  })

  async function unlessBroken<T>(operation: string, run: () => T | Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      onError(error, operation)
      throw new RpcError(internalError, 'Internal error')
    }
  }

  return {
    scopesSupported: Object.freeze(scopesSupported.sort()),

    scopesOf(method, params) {
      switch (method) {
        case 'tools/call':
          return scopesIn(find(tools, params.name))
        case 'resources/read':
          return scopesIn(find(resources, params.uri))
        case 'prompts/get':
          return scopesIn(find(prompts, params.name))
        default:
          return []
      }
    },

    listTools({ scopes }) {
      const granted = scopesSupported.filter(scope => scopes.includes(scope))
      const key = granted.join(' ')
      const known = toolLists.get(key)
      if (known) return known
      const list = deepFreeze({
        tools: listedTools.map(tool => markMissing(tool, missing(scopesIn(tools.get(tool.name)), granted))),
      })
      toolLists.set(key, list)
      return list
    },

    listResources: () => resourceList,
    listPrompts: () => promptList,

    async callTool(name, args, context) {
      const tool = tools.get(name)
      if (!tool) throw new RpcError(invalidParams, `Unknown tool: ${name}`)
      requireScopes(tool.scopes, context.token)
      const parsed = tool.inputSchema.safeParse(args ?? {})
      if (!parsed.success) return failure(`Invalid arguments for ${name}:\n${z.prettifyError(parsed.error)}`)
      try {
        const output = await tool.handler(parsed.data, context)
        return { content: [{ type: 'text', text: JSON.stringify(output) }], structuredContent: output }
      } catch (error) {
        if (error instanceof ToolError) return failure(error.message)
        onError(error, name)
        return failure(`${name} failed. The operator of this server has been told.`)
      }
    },

    async readResource(uri, context) {
      const resource = resources.get(uri)
      if (!resource) throw new RpcError(resourceNotFound, `Resource not found: ${uri}`, { uri })
      requireScopes(resource.scopes, context.token)
      const text = await unlessBroken(uri, () => resource.read(context))
      return { contents: [{ uri, mimeType: resource.mimeType, text }] }
    },

    async getPrompt(name, args, context) {
      const prompt = prompts.get(name)
      if (!prompt) throw new RpcError(invalidParams, `Unknown prompt: ${name}`)
      requireScopes(prompt.scopes, context.token)
      const given = args ?? {}
      const absent = prompt.arguments.find(argument => argument.required && !Object.hasOwn(given, argument.name))
      if (absent) throw new RpcError(invalidParams, `The prompt ${name} needs the argument ${absent.name}.`)
      const text = await unlessBroken(name, () => prompt.render(given, context))
      return { description: prompt.description, messages: [{ role: 'user', content: { type: 'text', text } }] }
    },
  }
}

const noScopes: readonly string[] = Object.freeze([])

function scopesIn(definition: { readonly scopes: readonly string[] } | undefined): readonly string[] {
  return definition?.scopes ?? noScopes
}

/** Maps, unlike objects, know no `__proto__` and no `constructor`. */
function find<T>(definitions: ReadonlyMap<string, T>, key: unknown): T | undefined {
  return typeof key === 'string' ? definitions.get(key) : undefined
}

function missing(needed: readonly string[], granted: readonly string[]): string[] {
  return needed.filter(scope => !granted.includes(scope))
}

function requireScopes(needed: readonly string[], token: ValidatedToken): void {
  if (missing(needed, token.scopes).length > 0) {
    throw new RpcError(-32000, 'The access token does not carry every scope that this operation needs.')
  }
}

function markMissing(tool: ListedTool, scopes: string[]): ListedTool {
  if (scopes.length === 0) return tool
  return {
    ...tool,
    description: `${tool.description} Out of reach at the moment: needs the scope ${scopes.join(' and ')}.`,
    _meta: { 'idplug/missingScopes': scopes },
  }
}

function jsonSchema(schema: z.ZodObject, io: 'input' | 'output'): JsonSchemaObject {
  return { ...z.toJSONSchema(schema, { io }), type: 'object' }
}

function failure(text: string): ToolResult {
  return { content: [{ type: 'text', text }], isError: true }
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) deepFreeze(member)
  }
  return Object.freeze(value)
}
