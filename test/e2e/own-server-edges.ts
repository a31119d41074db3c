import type { IncomingMessage, ServerResponse } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import express from 'express'
import { onTestFinished } from 'vitest'
import type { Auth } from '../../src/auth.ts'
import * as express5 from '../../src/edges/express.ts'
import * as fetchEdge from '../../src/edges/fetch.ts'
import * as node from '../../src/edges/node.ts'
import { serveFetch } from '../edges/serve-fetch.ts'
import { listen } from '../support/http.ts'

/** A small MCP server of somebody who uses the library: `whoami` needs what the declaration says of tools without a rule. */
function createMcp() {
  return createMcpHandler(() => {
    const server = new McpServer({ name: 'own', version: '1.0.0' })
    const text = (words: unknown) => ({ content: [{ type: 'text' as const, text: JSON.stringify(words) }] })
    server.registerTool('whoami', { description: 'Who is signed in' }, ctx => text(ctx.http?.authInfo))
    server.registerTool('write_file', { description: 'Writes a file' }, () => text('written'))
    return server
  })
}

type Start = (port: number, ...auths: readonly Auth[]) => Promise<{ close(): Promise<void> }>

/** Where the endpoint is reached: with a prefix of its path, and where a proxy took that off. */
function pathsOf(auth: Auth): string[] {
  const { pathname } = new URL(auth.resource)
  return [pathname, `/${pathname.split('/').at(-1)}`]
}

/** One server per framework, with one endpoint for each auth at the path of its resource. */
const edges = {
  express(port, ...auths) {
    const app = express().use(express5.authRoutes(...auths))
    for (const auth of auths) {
      const handle = toNodeHandler(createMcp())
      app.all(pathsOf(auth), express5.protect(auth), (req, res) => handle(req as never, res as never, req.body))
    }
    return listen(app, port)
  },
  node(port, ...auths) {
    const routes = node.authRoutes(...auths)
    const endpoints = auths.map(auth => {
      const handle = toNodeHandler(createMcp())
      const listener = node.protect(auth, (req, res) => handle(req as never, res as never, req.body))
      return { paths: pathsOf(auth), listener }
    })
    return listen((request: IncomingMessage, response: ServerResponse) => {
      const endpoint = endpoints.find(({ paths }) => paths.includes(request.url ?? ''))
      if (endpoint) endpoint.listener(request, response)
      else routes(request, response)
    }, port)
  },
  fetch(port, ...auths) {
    const handlers = auths.map(auth => {
      const mcp = createMcp()
      const handle = fetchEdge.protect(auth, (request, { authInfo, parsedBody }) =>
        mcp.fetch(request, { authInfo, parsedBody } as never),
      )
      return { paths: pathsOf(auth), handle }
    })
    const routes = fetchEdge.authRoutes(...auths)
    return serveFetch(async request => {
      const { pathname } = new URL(request.url)
      const own = await routes(request)
      return (
        own ??
        handlers.find(({ paths }) => paths.includes(pathname))?.handle(request) ??
        new Response(null, { status: 404 })
      )
    }, port)
  },
} satisfies Record<string, Start>

export type Edge = keyof typeof edges

/** Closed when the test ends. */
export async function serveOn(edge: Edge, port: number, ...auths: readonly Auth[]): Promise<void> {
  const { close } = await edges[edge](port, ...auths)
  onTestFinished(async () => {
    await close()
    await Promise.all(auths.map(auth => auth.close()))
  })
}
