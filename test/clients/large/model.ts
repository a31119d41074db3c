import { listen } from '../../support/http.ts'

/** A call of a tool that the model is to want, in the words of {@link wish}. */
export interface Wish {
  /** End of the name by which the client knows the tool. */
  readonly tool: string
  readonly args: Readonly<Record<string, string>>
}

interface Message {
  readonly role: string
  readonly content: string | readonly { type: string; text?: string; content?: unknown }[]
}
interface ModelRequest {
  readonly messages: readonly Message[]
  readonly tools?: readonly { name: string }[]
}

/** What a person types, so that the model below calls the tool. */
export const wish = (wanted: Wish) => `WISH ${Buffer.from(JSON.stringify(wanted)).toString('base64url')}`

/**
 * Stands in for the API of a model (Anthropic's Messages API, streamed): it calls the tool that the person names, and then repeats what the
 * tool answered, word by word.
 *
 * @param nameOf - What the client calls a tool of the server.
 */
export async function startModel(nameOf: (tool: string) => string) {
  const offered = new Set<string>()
  const server = await listen(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (!request.url?.startsWith('/v1/messages') || request.method !== 'POST') {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
      return
    }
    const { messages = [], tools = [] } = JSON.parse(Buffer.concat(chunks).toString()) as ModelRequest
    if (request.url.includes('count_tokens')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"input_tokens":1}')
      return
    }
    for (const { name } of tools) offered.add(name)
    const block = nextBlock(messages, nameOf)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const event of eventsOf(block)) {
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    }
    response.end()
  })
  return { origin: server.origin, offered, close: server.close }
}

type Block = { type: 'text'; text: string } | { type: 'tool_use'; name: string; input: object }

function nextBlock(messages: readonly Message[], nameOf: (tool: string) => string): Block {
  const parts = messages.flatMap(({ role, content }) =>
    typeof content === 'string'
      ? [{ role, type: 'text', text: content, content: undefined }]
      : content.map(part => ({ role, ...part })),
  )
  const answer = parts.findLast(({ type }) => type === 'tool_result')
  if (answer) return { type: 'text', text: `ANSWER ${JSON.stringify(answer.content)}` }
  const wanted = parts.map(({ text = '' }) => /WISH ([\w-]+)/.exec(text)?.[1]).findLast(text => text !== undefined)
  if (wanted === undefined) return { type: 'text', text: 'nothing' }
  const { tool, args } = JSON.parse(Buffer.from(wanted, 'base64url').toString()) as Wish
  return { type: 'tool_use', name: nameOf(tool), input: args }
}

function* eventsOf(block: Block): Generator<{ type: string; [member: string]: unknown }> {
  const usage = { input_tokens: 1, output_tokens: 1 }
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [], usage }
  const isText = block.type === 'text'
  yield { type: 'message_start', message: { ...message, stop_reason: null, stop_sequence: null } }
  const start = isText ? { type: 'text', text: '' } : { type: 'tool_use', id: 'toolu_1', name: block.name, input: {} }
  yield { type: 'content_block_start', index: 0, content_block: start }
  const delta = isText
    ? { type: 'text_delta', text: block.text }
    : { type: 'input_json_delta', partial_json: JSON.stringify(block.input) }
  yield { type: 'content_block_delta', index: 0, delta }
  yield { type: 'content_block_stop', index: 0 }
  const reason = isText ? 'end_turn' : 'tool_use'
  yield { type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 1 } }
  yield { type: 'message_stop' }
}
