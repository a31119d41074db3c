import {
  acceptedContent,
  completable,
  createRequestStateCodec,
  type InputRequest,
  inputRequired,
  inputResponse,
  McpServer,
  ResourceTemplate,
  type ServerEventBus,
} from '@modelcontextprotocol/server'
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
  text,
  textResult,
  userMessage,
} from './fixture-content.ts'

const requestState = createRequestStateCodec<{ step: number }>({ key: 'of-the-conformance-fixture-only-32' })

const elicitName = inputRequired.elicit(form('What is your name?', { name: { type: 'string' } }))
const sampleText = (prompt: string, maxTokens: number) =>
  inputRequired.createMessage({ messages: [userMessage(text(prompt))], maxTokens })

/** The suite's server for 2026-07-28, on SDK 2.x. */
export function createModernFixture(bus: ServerEventBus): McpServer {
  const server = new McpServer(
    { name: 'conformance-fixture', version: '1.0.0' },
    { capabilities: { logging: {} }, requestState: { verify: requestState.verify } },
  )
  registerTools(server, bus)
  registerInputTools(server)
  registerResources(server)
  registerPrompts(server)
  return server
}

function registerTools(server: McpServer, bus: ServerEventBus): void {
  for (const { name, description, content } of contentTools) {
    server.registerTool(name, { description }, () => ({ content }))
  }
  server.registerTool('test_error_handling', { description: 'Fails' }, failingTool)
  server.registerTool('test_logging_tool', { description: 'Logs' }, async ({ mcpReq }) => {
    await mcpReq.log('info', 'Only for clients that asked for it')
    return textResult('Logged.')
  })
  server.registerTool('test_tool_with_progress', { description: 'Reports progress' }, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken
    await inSteps([0, 50, 100], async progress => {
      if (progressToken === undefined) return
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } })
    })
    return textResult('Done.')
  })
  server.registerTool('test_trigger_tool_change', { description: 'Announces changed tools' }, () => {
    bus.publish({ kind: 'tools_list_changed' })
    return textResult('Announced.')
  })
  server.registerTool('test_trigger_prompt_change', { description: 'Announces changed prompts' }, () => {
    bus.publish({ kind: 'prompts_list_changed' })
    return textResult('Announced.')
  })
  server.registerTool(
    'test_custom_header',
    {
      description: 'Has an argument that is mirrored in a header',
      inputSchema: z.object({ region: z.string().meta({ 'x-mcp-header': 'Region' }) }),
    },
    ({ region }) => textResult(region),
  )
}

/** Tools that need more than their arguments, and say so in their result (SEP-2322). */
function registerInputTools(server: McpServer): void {
  server.registerTool('test_missing_capability', { description: 'Samples' }, () =>
    inputRequired({ inputRequests: { sample: sampleText('Any text', 10) } }),
  )
  server.registerTool('test_streaming_elicitation', { description: 'Elicits' }, () =>
    inputRequired({ inputRequests: { user_name: elicitName } }),
  )
  server.registerTool('test_input_required_result_elicitation', { description: 'Elicits a name' }, ({ mcpReq }) => {
    const user = acceptedContent(mcpReq.inputResponses, 'user_name', z.object({ name: z.string() }))
    return user ? textResult(`Hello, ${user.name}!`) : inputRequired({ inputRequests: { user_name: elicitName } })
  })
  server.registerTool('test_input_required_result_sampling', { description: 'Samples' }, ({ mcpReq }) => {
    const response = inputResponse(mcpReq.inputResponses, 'capital_question')
    return response.kind === 'sampling'
      ? textResult(JSON.stringify(response.result.content))
      : inputRequired({ inputRequests: { capital_question: sampleText('What is the capital of France?', 100) } })
  })
  server.registerTool('test_input_required_result_list_roots', { description: 'Lists roots' }, ({ mcpReq }) => {
    const response = inputResponse(mcpReq.inputResponses, 'client_roots')
    return response.kind === 'roots'
      ? textResult(JSON.stringify(response.roots))
      : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
  })
  server.registerTool('test_input_required_result_capabilities', { description: 'Asks what it may' }, () => {
    const { elicitation, sampling } = server.server.getClientCapabilities() ?? {}
    return inputRequired({
      inputRequests: {
        ...(elicitation && { user_name: elicitName }),
        ...(sampling && { greeting: sampleText('Generate a greeting', 50) }),
      },
    })
  })

  const confirm = inputRequired.elicit(form('Please confirm', { ok: { type: 'boolean' } }))
  for (const name of ['test_input_required_result_request_state', 'test_input_required_result_tampered_state']) {
    server.registerTool(name, { description: 'Keeps its state with the client' }, ({ mcpReq }) =>
      mcpReq.requestState() ? textResult('state-ok') : ask({ confirm }, 1),
    )
  }
  server.registerTool(
    'test_input_required_result_multiple_inputs',
    { description: 'Asks three things' },
    ({ mcpReq }) =>
      mcpReq.requestState()
        ? textResult(JSON.stringify(mcpReq.inputResponses))
        : ask(
            {
              user_name: elicitName,
              greeting: sampleText('Generate a greeting', 50),
              client_roots: inputRequired.listRoots(),
            },
            1,
          ),
  )
  server.registerTool('test_input_required_result_multi_round', { description: 'Asks twice' }, ({ mcpReq }) => {
    switch (mcpReq.requestState<{ step: number }>()?.step) {
      case undefined:
        return ask({ step1: elicitName }, 1)
      case 1:
        return ask(
          { step2: inputRequired.elicit(form('What is your favorite color?', { color: { type: 'string' } })) },
          2,
        )
      default:
        return textResult('Both answers are in.')
    }
  })
}

async function ask(inputRequests: Record<string, InputRequest>, step: number) {
  return inputRequired({ inputRequests, requestState: await requestState.mint({ step }) })
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
}

function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'Text' }, () => prompts.simple)
  server.registerPrompt('test_prompt_with_image', { description: 'An image' }, () => prompts.image)
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'Arguments',
      argsSchema: z.object({ arg1: completable(z.string(), completions), arg2: z.string() }),
    },
    ({ arg1, arg2 }) => prompts.withArguments(arg1, arg2),
  )
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A resource', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => prompts.embedding(resourceUri),
  )
  server.registerPrompt('test_input_required_result_prompt', { description: 'Elicits' }, ({ mcpReq }) => {
    const answer = acceptedContent(mcpReq.inputResponses, 'user_context', z.object({ context: z.string() }))
    if (answer) return { messages: [userMessage(text(answer.context))] }
    const question = form('What context should the prompt use?', { context: { type: 'string' } })
    return inputRequired({ inputRequests: { user_context: inputRequired.elicit(question) } })
  })
}
