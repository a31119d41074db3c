import { spawn } from 'node:child_process'
import { closeSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

// A server that speaks MCP on standard input and output, with tools for what a gateway has to cope with. No SDK, so that hundreds
// start quickly. `--stubborn` ends neither with its standard input nor by SIGTERM, and starts a process that does neither.
// `--quiet` never answers `initialize`. `--mark` begins its output with a byte order mark.

interface Message {
  id?: string | number
  method?: string
  params?: Record<string, unknown> & { _meta?: Record<string, unknown> }
  result?: unknown
  error?: unknown
}

const flags = new Set(process.argv.slice(2))
const waiting = new Map<string, string | number>()
const cancelled: unknown[] = []
const initialized: unknown[] = []
let asked = 0
let last = ''
let held: (string | number)[] = []

if (flags.has('--mark')) process.stdout.write('\ufeff')
if (flags.has('--stubborn')) {
  process.on('SIGTERM', () => {})
  setInterval(() => {}, 1000)
  const child = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], {
    stdio: 'ignore',
  })
  process.stderr.write(`grandchild ${child.pid}\n`)
}

const lines = createInterface({ input: process.stdin })
lines.on('line', line => {
  last = line
  receive(JSON.parse(line) as Message)
})
// Like a server that answers slowly: what it was asked is done, and then it ends.
lines.on('close', () => {
  if (!flags.has('--stubborn')) process.exit()
})

function send(message: object): undefined {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
}

function text(id: string | number, value: unknown, isError = false): undefined {
  send({ id, result: { content: [{ type: 'text', text: JSON.stringify(value) ?? 'undefined' }], isError } })
}

function receive({ id, method, params, result, error }: Message): undefined {
  if (method === undefined) {
    const call = waiting.get(String(id))
    if (call !== undefined) text(call, result ?? error)
    return
  }
  if (id === undefined) {
    if (method === 'notifications/cancelled') cancelled.push(params?.requestId)
    if (method === 'notifications/initialized') initialized.push(method)
    return
  }
  switch (method) {
    case 'initialize':
      if (flags.has('--quiet')) return
      return send({
        id,
        result: {
          protocolVersion: params?.protocolVersion,
          capabilities: { tools: {}, logging: {} },
          serverInfo: { name: 'fixture', version: '1' },
        },
      })
    case 'tools/list':
      return send({ id, result: { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] } })
    case 'subscriptions/listen':
      send({
        method: 'notifications/subscriptions/acknowledged',
        params: { _meta: { 'io.modelcontextprotocol/subscriptionId': id } },
      })
      return
    case 'tools/call':
      return call(id, String(params?.name), (params?.arguments ?? {}) as Record<string, unknown>, params?._meta)
    default:
      return send({ id, error: { code: -32601, message: 'Method not found' } })
  }
}

function call(
  id: string | number,
  name: string,
  args: Record<string, unknown>,
  meta: Record<string, unknown> | undefined,
): undefined {
  switch (name) {
    case 'echo':
      return text(id, args)
    case 'line':
      return text(id, last)
    case 'id':
      return text(id, id)
    case 'id-as-text':
      return text(String(id), 'done')
    case 'pid':
      return text(id, process.pid)
    case 'env':
      return text(id, process.env)
    case 'seen':
      return text(id, { cancelled, initialized: initialized.length })
    case 'exit':
      process.exit(Number(args.code ?? 1))
      break
    case 'hang':
      return
    case 'hush':
      closeSync(1)
      return
    // Answered in the other order, once there are as many as it says.
    case 'hold':
      held.push(id)
      if (held.length < Number(args.count)) return
      for (const each of held.reverse()) text(each, each)
      held = []
      return
    case 'log':
      send({ method: 'notifications/message', params: { level: 'info', data: args.data } })
      return text(id, 'logged')
    case 'log-only':
      send({ method: 'notifications/message', params: { level: 'info', data: args.data } })
      return
    case 'progress':
      for (let progress = 1; progress <= 3; progress++) {
        send({ method: 'notifications/progress', params: { progressToken: meta?.progressToken, progress, total: 3 } })
      }
      return text(id, 'done')
    case 'ask': {
      const question = `question-${++asked}`
      waiting.set(question, id)
      return send({ id: question, method: 'elicitation/create', params: { message: String(args.message) } })
    }
    case 'stderr':
      process.stderr.write(`${String(args.text)}\n`, () => text(id, 'written'))
      return
    // These pieces as they are (a character for each byte), with the id of the call in place of ID; then nothing, or the end.
    case 'pieces': {
      const pieces = (args.pieces as string[]).map(piece => Buffer.from(piece.replaceAll('ID', String(id)), 'latin1'))
      const write = (): undefined => {
        const piece = pieces.shift()
        if (piece) process.stdout.write(piece, () => setImmediate(write))
        else if (args.exit) process.exit(1)
      }
      return write()
    }
    case 'stdout':
      process.stdout.write(`${String(args.text)}\n`)
      return text(id, 'written')
    // Says how much of it the pipe has taken, so that a test sees whether the server was made to wait.
    case 'flood': {
      let count = 0
      const chunk = 'x'.repeat(64 * 1024)
      const more = (): undefined => {
        while (count < Number(args.count)) {
          count++
          writeFileSync(String(args.file), String(count))
          const message = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: chunk } }
          if (!process.stdout.write(`${JSON.stringify(message)}\n`)) {
            process.stdout.once('drain', more)
            return
          }
        }
        text(id, 'flooded')
      }
      return more()
    }
    default:
      return text(id, `no tool ${name}`, true)
  }
}
