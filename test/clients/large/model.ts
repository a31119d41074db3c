import { listen } from '../../support/http.ts'

export interface Model {
  readonly origin: string
  /** Tools of the server that the client has offered so far, by the names that the server gave them. */
  tools(): string[]
  close(): Promise<void>
}

/** A call of a tool that the model is to want, in the words of {@link wish}. */
export interface Wish {
  /** End of the name by which the client knows the tool. */
  readonly tool: string
  readonly args: Readonly<Record<string, string>>
}

/** What a person types, so that the model below calls the tool. */
export const wish = (wanted: Wish) => `WISH ${Buffer.from(JSON.stringify(wanted)).toString('base64url')}`

/** What the model does next. */
type Block = { type: 'text'; text: string } | { type: 'tool_use'; name: string; input: object }

/** One part of the conversation so far, in whatever API. */
interface Part {
  readonly text?: string
  /** What a tool answered. */
  readonly answer?: unknown
}

/** How one vendor's API looks on the wire. */
interface Api {
  /** Names of the tools that the client offers, and the conversation. */
  read(body: unknown): { readonly tools: readonly string[]; readonly parts: readonly Part[] }
  events(block: Block): Iterable<{ readonly type?: string }>
}

/**
 * Stands in for the API of a model (Anthropic's Messages API or Google's Gemini API, streamed): it calls the tool that the person names,
 * and then repeats what the tool answered, word by word.
 *
 * @param prefix - What the client puts in front of the name of a tool of the server.
 */
export async function startModel(prefix: string): Promise<Model> {
  const offered = new Set<string>()
  const server = await listen(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const json = { 'content-type': 'application/json' }
    const { pathname } = new URL(request.url ?? '', 'http://localhost')
    if (/[:/]count_?tokens$/i.test(pathname)) {
      response.writeHead(200, json).end('{"input_tokens":1,"totalTokens":1}')
      return
    }
    const api = APIS.find(({ path }) => path.test(pathname))
    if (!api || request.method !== 'POST') {
      response.writeHead(404, json).end('{}')
      return
    }
    const { tools, parts } = api.read(JSON.parse(Buffer.concat(chunks).toString()))
    for (const name of tools) offered.add(name)
    const events = [...api.events(nextBlock(parts, prefix))]
    if (/:generateContent$/.test(pathname)) {
      response.writeHead(200, json).end(JSON.stringify(events[0]))
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const event of events) {
      if (event.type) response.write(`event: ${event.type}\n`)
      response.write(`data: ${JSON.stringify(event)}\n\n`)
    }
    response.end()
  })
  return {
    origin: server.origin,
    tools: () => [...offered].filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length)),
    close: server.close,
  }
}

function nextBlock(parts: readonly Part[], prefix: string): Block {
  const answered = parts.findLast(({ answer }) => answer !== undefined)
  if (answered) return { type: 'text', text: `ANSWER ${JSON.stringify(answered.answer)}` }
  const wanted = parts.map(({ text = '' }) => /WISH ([\w-]+)/.exec(text)?.[1]).findLast(text => text !== undefined)
  if (wanted === undefined) return { type: 'text', text: 'nothing' }
  const { tool, args } = JSON.parse(Buffer.from(wanted, 'base64url').toString()) as Wish
  return { type: 'tool_use', name: prefix + tool, input: args }
}

interface AnthropicRequest {
  readonly messages: readonly {
    readonly content: string | readonly { type: string; text?: string; content?: unknown }[]
  }[]
  readonly tools?: readonly { name: string }[]
}

const anthropic: Api = {
  read(body) {
    const { messages, tools = [] } = body as AnthropicRequest
    const parts = messages.flatMap(({ content }): Part[] =>
      typeof content === 'string'
        ? [{ text: content }]
        : content.map(part => (part.type === 'tool_result' ? { answer: part.content ?? '' } : { text: part.text })),
    )
    return { tools: tools.map(({ name }) => name), parts }
  },
  events: eventsOf,
}

interface GeminiRequest {
  readonly contents: readonly {
    readonly parts: readonly { text?: string; functionResponse?: { response: unknown } }[]
  }[]
  readonly tools?: readonly { functionDeclarations?: readonly { name: string }[] }[]
}

const gemini: Api = {
  read(body) {
    const { contents, tools = [] } = body as GeminiRequest
    const parts = contents.flatMap(({ parts }) =>
      parts.map(
        ({ text, functionResponse }): Part => (functionResponse ? { answer: functionResponse.response } : { text }),
      ),
    )
    return {
      tools: tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations.map(({ name }) => name)),
      parts,
    }
  },
  *events(block) {
    const part =
      block.type === 'text' ? { text: block.text } : { functionCall: { name: block.name, args: block.input } }
    yield {
      candidates: [{ index: 0, content: { role: 'model', parts: [part] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    } as object
  },
}

const APIS = [
  { path: /^\/v1\/messages$/, ...anthropic },
  { path: /:(g|streamG)enerateContent$/, ...gemini },
]

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
