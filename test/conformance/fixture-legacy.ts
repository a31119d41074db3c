import { completable } from '@modelcontextprotocol/sdk/server/completable.js'
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js'
import {
  type ElicitRequestFormParams,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import {
  completions,
  contentTools,
  failingTool,
  form,
  inSteps,
  prompts,
  readTemplate,
  resources,
  TEMPLATE,
  textResult,
} from './fixture-content.ts'

/** The suite's server for 2025-11-25, on SDK 1.x. */
export function createLegacyFixture(): McpServer {
  const server = new McpServer(
    { name: 'conformance-fixture', version: '1.0.0' },
    { capabilities: { logging: {}, resources: { subscribe: true } } },
  )
  registerTools(server)
  registerClientTools(server)
  registerResources(server)
  registerPrompts(server)
  return server
}

function registerTools(server: McpServer): void {
  for (const { name, description, content } of contentTools) {
    server.registerTool(name, { description }, () => ({ content }))
  }
  server.registerTool('test_error_handling', { description: 'Fails' }, failingTool)
  server.registerTool('test_tool_with_logging', { description: 'Logs' }, async extra => {
    await inSteps(['Tool execution started', 'Tool processing data', 'Tool execution completed'], data =>
      extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } }),
    )
    return textResult('Logged.')
  })
  server.registerTool('test_tool_with_progress', { description: 'Reports progress' }, async extra => {
    const progressToken = extra._meta?.progressToken
    await inSteps([0, 50, 100], async progress => {
      if (progressToken === undefined) return
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress, total: 100 },
      })
    })
    return textResult('Done.')
  })
  server.registerTool('test_reconnection', { description: 'Closes its stream, then answers' }, extra => {
    extra.closeSSEStream?.()
    return textResult('Answered after the stream was closed.')
  })
}

/** Tools that ask the client something while they run. */
function registerClientTools(server: McpServer): void {
  const prompt = z.string()
  server.registerTool('test_sampling', { description: 'Samples', inputSchema: { prompt } }, async (args, extra) => {
    const { content } = await server.server.createMessage(
      { messages: [{ role: 'user', content: { type: 'text', text: args.prompt } }], maxTokens: 100 },
      { relatedRequestId: extra.requestId },
    )
    return textResult(`LLM response: ${JSON.stringify(content)}`)
  })

  const elicit = async (params: ElicitRequestFormParams, relatedRequestId: string | number) => {
    const { action, content } = await server.server.elicitInput(params, { relatedRequestId })
    return textResult(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`)
  }
  const message = z.string()
  server.registerTool('test_elicitation', { description: 'Elicits', inputSchema: { message } }, (args, extra) =>
    elicit(
      form(args.message, {
        username: { type: 'string', description: "User's response" },
        email: { type: 'string', description: "User's email address" },
      }),
      extra.requestId,
    ),
  )
  server.registerTool('test_elicitation_sep1034_defaults', { description: 'Elicits with defaults' }, extra =>
    elicit(
      form('Please check the defaults', {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      }),
      extra.requestId,
    ),
  )
  const options = ['option1', 'option2', 'option3']
  const titled = options.map((_, index) => ({ const: `value${index + 1}`, title: `Option ${index + 1}` }))
  server.registerTool('test_elicitation_sep1330_enums', { description: 'Elicits choices' }, extra =>
    elicit(
      form('Please choose', {
        untitledSingle: { type: 'string', enum: options },
        titledSingle: { type: 'string', oneOf: titled },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2'], enumNames: ['Option One', 'Option Two'] },
        untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
        titledMulti: { type: 'array', items: { anyOf: titled } },
      }),
      extra.requestId,
    ),
  )
}

function registerResources(server: McpServer): void {
  for (const { name, uri, mimeType, contents } of resources) {
    server.registerResource(name, uri, { mimeType, description: name }, () => ({ contents: [...contents] }))
  }
  server.registerResource(
    'template',
    new ResourceTemplate(TEMPLATE, { list: undefined }),
    { mimeType: 'application/json' },
    (uri, { id }) => readTemplate(uri, id),
  )
  server.server.setRequestHandler(SubscribeRequestSchema, () => ({}))
  server.server.setRequestHandler(UnsubscribeRequestSchema, () => ({}))
}

function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'Text' }, () => prompts.simple)
  server.registerPrompt('test_prompt_with_image', { description: 'An image' }, () => prompts.image)
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'Arguments', argsSchema: { arg1: completable(z.string(), completions), arg2: z.string() } },
    ({ arg1, arg2 }) => prompts.withArguments(arg1, arg2),
  )
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A resource', argsSchema: { resourceUri: z.string() } },
    ({ resourceUri }) => prompts.embedding(resourceUri),
  )
}
