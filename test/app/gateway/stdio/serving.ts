import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Access } from 'idplug'
import { createStdioTarget, type StdioEvent, type StdioTargetOptions } from '../../../../app/gateway/stdio/target.ts'
import { listen } from '../../../support/http.ts'

export const fixture = fileURLToPath(new URL('./fixture-server.ts', import.meta.url))

/** A target behind an HTTP server that believes who the caller says they are. */
export interface Serving {
  readonly url: URL
  readonly events: StdioEvent[]
  /** How many requests have arrived, with their bodies. */
  requests(): number
  /** Pids of the commands that were started. */
  pids(): number[]
  /** Ends the token of everybody by that name. */
  endToken(subject: string): void
  closeTarget(): Promise<void>
  close(): Promise<void>
}

export async function serve(
  options: Partial<StdioTargetOptions> & { flags?: readonly string[] } = {},
): Promise<Serving> {
  const { flags = [], ...others } = options
  const events: StdioEvent[] = []
  const tokens = new Map<string, AbortController>()
  const target = createStdioTarget({
    command: process.execPath,
    args: [fixture, ...flags],
    onEvent: event => events.push(event),
    ...others,
  })
  let requests = 0
  const server = await listen(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const [subject, client = 'client', issuer = 'https://issuer.example'] = String(
      request.headers['x-caller'] ?? 'ann',
    ).split(' ')
    const key = subject as string
    const controller = tokens.get(key) ?? new AbortController()
    tokens.set(key, controller)
    const token = subject === 'nobody' ? undefined : { issuer, subject, clientId: client }
    const access = { outcome: 'accepted', token, signal: controller.signal, done() {}, headers: {} }
    const call = {
      request,
      response,
      access: access as unknown as Access,
      body: text ? JSON.parse(text) : undefined,
      text: text || undefined,
      requestId: `request-${++requests}`,
      identity: {},
    }
    await target.answer(call)
  })
  return {
    url: new URL(`${server.origin}/mcp`),
    events,
    requests: () => requests,
    pids: () => events.flatMap(event => (event.event === 'command_started' && event.pid ? [event.pid] : [])),
    endToken: subject => tokens.get(subject)?.abort(),
    closeTarget: () => target.close(),
    async close() {
      await target.close()
      await server.close()
    },
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    // One that has ended keeps its number until its parent asks how; the first process of a container may never ask.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return process.platform !== 'linux'
  }
}

type Json = { [member: string]: unknown }

export interface Reply {
  readonly status: number
  readonly headers: Headers
  /** Every message, in order. */
  readonly messages: Json[]
  /** Text of the first content of the last message, parsed. */
  readonly value: unknown
  readonly error: { code: number; message: string; data?: { request_id: string } } | undefined
}

export interface CallerOptions {
  readonly caller?: string
  readonly session?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly accept?: string
  readonly signal?: AbortSignal
}

export function post(
  { url }: Serving,
  body: unknown,
  { caller = 'ann', session, headers, accept, signal }: CallerOptions = {},
) {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: accept ?? 'application/json, text/event-stream',
      'x-caller': caller,
      ...(session && { 'mcp-session-id': session }),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal && { signal }),
  })
}

export async function read(response: Response): Promise<Reply> {
  const text = await response.text()
  const isStream = response.headers.get('content-type') === 'text/event-stream'
  const messages = isStream
    ? [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as Json)
    : ([text ? JSON.parse(text) : []].flat() as Json[])
  const last = messages.at(-1) as { result?: { content?: { text: string }[] }; error?: Reply['error'] } | undefined
  const content = last?.result?.content?.[0]?.text
  return {
    status: response.status,
    headers: response.headers,
    messages,
    value: content === undefined ? undefined : JSON.parse(content),
    error: last?.error,
  }
}

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: { elicitation: {} },
    clientInfo: { name: 'test', version: '1' },
  },
}

/** Opens a session and returns its id. */
export async function openSession(serving: Serving, caller = 'ann'): Promise<string> {
  const response = await post(serving, INITIALIZE, { caller })
  const { error } = await read(response)
  const session = response.headers.get('mcp-session-id')
  if (!session) throw new Error(`no session: ${response.status} ${error?.message}`)
  await post(serving, { jsonrpc: '2.0', method: 'notifications/initialized' }, { caller, session })
  return session
}

let ids = 0

export function toolCall(name: string, args: object = {}, id: string | number = ++ids, meta?: object) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, ...(meta && { _meta: meta }) } }
}

export async function callTool(
  serving: Serving,
  session: string,
  name: string,
  args: object = {},
  options?: CallerOptions,
) {
  return read(await post(serving, toolCall(name, args), { session, ...options }))
}

/** A `tools/call` of 2026-07-28. */
export function modernCall(serving: Serving, name: string, args: object = {}, options: CallerOptions = {}) {
  return modernPost(serving, 'tools/call', { name, arguments: args }, { 'mcp-name': name }, options)
}

export function modernPost(
  serving: Serving,
  method: string,
  params: { [member: string]: unknown; _meta?: object },
  headers: Readonly<Record<string, string>> = {},
  options: CallerOptions = {},
  id: string | number = ++ids,
) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
    ...params._meta,
  }
  return post(
    serving,
    { jsonrpc: '2.0', id, method, params: { ...params, _meta } },
    {
      ...options,
      headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...headers, ...options.headers },
    },
  )
}

/** Opens the GET stream of a session, and collects what comes. */
export async function listenFor(serving: Serving, session: string, caller = 'ann') {
  const controller = new AbortController()
  const response = await fetch(serving.url, {
    headers: { accept: 'text/event-stream', 'x-caller': caller, 'mcp-session-id': session },
    signal: controller.signal,
  })
  const messages: Json[] = []
  const ended = (async () => {
    let text = ''
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true })
        const events = text.split('\n\n')
        text = events.pop() ?? ''
        for (const event of events) {
          const data = /^data: (.*)$/m.exec(event)?.[1]
          if (data) messages.push(JSON.parse(data))
        }
      }
    } catch {
      // Closed by the test.
    }
  })()
  return { response, messages, ended, close: () => controller.abort() }
}
