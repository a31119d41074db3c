import { spawn } from 'node:child_process'
import type { RequestListener, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createStdioTarget, type StdioTargetOptions } from '../app/gateway/stdio/target.ts'
import type { Call } from '../app/gateway/target.ts'
import type { Composition } from './http-compositions.ts'

const echo = fileURLToPath(new URL('./stdio-echo.ts', import.meta.url))

/** Bodies go to the process as they come, lines go back to the request whose id they name. No sessions, no limits, nothing checked. */
function pipe(): RequestListener {
  const { stdin, stdout } = spawn(process.execPath, [echo], { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = new Map<string, ServerResponse>()
  let rest = ''
  stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const id = /"id":(\d+)/.exec(line)?.[1] ?? ''
      waiting
        .get(id)
        ?.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(line) })
        .end(line)
      waiting.delete(id)
    }
  })
  return async (request, response) => {
    const body = await text(request)
    waiting.set(/"id":(\d+)/.exec(body)?.[1] ?? '', response)
    stdin.write(`${body}\n`)
  }
}

/** The same by the target of the gateway, for a caller whose token has been checked. */
const target = (): RequestListener => stdioTargetListener().listener

/** @param onStart - Told the pid of each command that is started. */
export function stdioTargetListener(
  flags: readonly string[] = [],
  options: Partial<StdioTargetOptions> = {},
  onStart: (pid: number) => void = () => {},
): { readonly listener: RequestListener; close(): Promise<void> } {
  const stdio = createStdioTarget({
    command: process.execPath,
    args: [echo, ...flags],
    onEvent: event => event.event === 'command_started' && event.pid !== undefined && onStart(event.pid),
    ...options,
  })
  const token = { issuer: 'https://issuer.example', subject: 'ann', clientId: 'bench' }
  const access = { outcome: 'accepted', token, signal: new AbortController().signal, headers: {}, done() {} }
  const listener: RequestListener = async (request, response) => {
    const received = await text(request)
    const body = received === '' ? undefined : JSON.parse(received)
    await stdio.answer({
      request,
      response,
      access,
      body,
      text: received || undefined,
      requestId: 'bench',
      identity: {},
    } as unknown as Call)
  }
  return { listener, close: () => stdio.close() }
}

export const stdio: Record<string, Composition> = { 'stdio-pipe': pipe, 'stdio-target': target }
