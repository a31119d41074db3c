import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { expect, onTestFinished } from 'vitest'
import { listen } from '../support/http.ts'

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** An MCP server that knows nothing of sign-in, as people have them. */
export interface TargetServer {
  readonly port: number
  /** Requests that reached it. */
  readonly seen: readonly Seen[]
  /** Sends an event on each open stream. */
  emit(text: string): void
}

/**
 * Serves both revisions: `whoami` returns the headers of the request, `write_file` some text. A GET opens a stream that stays open.
 *
 * @param listener - Answers instead.
 */
export async function startTarget(listener?: RequestListener): Promise<TargetServer> {
  const handle = toNodeHandler(
    createMcpHandler(() => {
      const server = new McpServer({ name: 'target', version: '1.0.0' })
      const text = (words: string) => ({ content: [{ type: 'text' as const, text: words }] })
      server.registerTool('whoami', { description: 'Who calls' }, ctx =>
        text(JSON.stringify(Object.fromEntries(ctx.http?.req?.headers ?? []))),
      )
      server.registerTool('write_file', { description: 'Writes a file' }, () => text('written'))
      return server
    }),
  )
  const seen: Seen[] = []
  const streams = new Set<ServerResponse>()
  const { port, close } = await listen((request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '' } = request
    seen.push({ method, url, headers: request.headers as Record<string, string> })
    if (listener) return void listener(request, response)
    if (method !== 'GET') return void handle(request as never, response as never)
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': open\n\n')
    streams.add(response)
    response.once('close', () => streams.delete(response))
  })
  onTestFinished(close)
  return {
    port,
    seen,
    emit(text) {
      for (const stream of streams) stream.write(`data: ${text}\n\n`)
    },
  }
}

/** A stream through a proxy: it opens before there is an event, and each comes by itself. */
export async function expectEventsAtOnce(
  target: TargetServer,
  resource: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const gone = new AbortController()
  const response = await fetch(resource, { headers: { ...headers, accept: 'text/event-stream' }, signal: gone.signal })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader() ?? expect.fail()
  expect((await reader.read()).value).toBe(': open\n\n')
  target.emit('first')
  expect((await reader.read()).value).toBe('data: first\n\n')
  gone.abort()
}
