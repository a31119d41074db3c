import { z } from 'zod'
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
}
type ListedResource = { uri: string; name: string; title: string; description: string; mimeType: string }
type ListedPrompt = { name: string; title: string; description: string; arguments: PromptArgument[] }
export type ToolResult = {
  content: { type: 'text'; text: string }[]
  structuredContent?: Record<string, unknown>
  isError?: boolean
}

/**
 * A catalog made ready to serve: everything that can be worked out once is worked out once. Bound to no connection, so that every
 * server of every user may share it. Lists say the same to everybody: clients take a description that changes for tampering.
 */
export interface CatalogTables {
  listTools(): { tools: ListedTool[] }
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
  const toolList = {
    tools: catalog.tools.map(
      (tool): ListedTool => ({
        name: tool.name,
        title: tool.title,
        description: tool.description,
        inputSchema: jsonSchema(tool.inputSchema, 'input'),
        outputSchema: jsonSchema(tool.outputSchema, 'output'),
        annotations: { ...tool.annotations },
      }),
    ),
  }
  const resourceList = { resources: catalog.resources.map(({ read: _, ...listed }) => listed) }
  const promptList = {
    prompts: catalog.prompts.map(({ render: _, ...listed }) => ({
      ...listed,
      arguments: listed.arguments.map(argument => ({ ...argument })),
    })),
  }

  async function unlessBroken<T>(operation: string, run: () => T | Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      onError(error, operation)
      throw new RpcError(internalError, 'Internal error')
    }
  }

  return {
    listTools: () => toolList,
    listResources: () => resourceList,
    listPrompts: () => promptList,

    async callTool(name, args, context) {
      const tool = tools.get(name)
      if (!tool) throw new RpcError(invalidParams, `Unknown tool: ${name}`)
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
      const text = await unlessBroken(uri, () => resource.read(context))
      return { contents: [{ uri, mimeType: resource.mimeType, text }] }
    },

    async getPrompt(name, args, context) {
      const prompt = prompts.get(name)
      if (!prompt) throw new RpcError(invalidParams, `Unknown prompt: ${name}`)
      const given = args ?? {}
      const absent = prompt.arguments.find(argument => argument.required && !Object.hasOwn(given, argument.name))
      if (absent) throw new RpcError(invalidParams, `The prompt ${name} needs the argument ${absent.name}.`)
      const text = await unlessBroken(name, () => prompt.render(given, context))
      return { description: prompt.description, messages: [{ role: 'user', content: { type: 'text', text } }] }
    },
  }
}

function jsonSchema(schema: z.ZodObject, io: 'input' | 'output'): JsonSchemaObject {
  return { ...z.toJSONSchema(schema, { io }), type: 'object' }
}

function failure(text: string): ToolResult {
  return { content: [{ type: 'text', text }], isError: true }
}
