import type { RequestListener } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { z } from 'zod'
import { type Catalog, defineTool } from '../app/notes/catalog.ts'
import { notes as declaration } from '../app/notes/declaration.ts'
import { createNoteStore } from '../app/notes/notes.ts'
import { createNotesCatalog } from '../app/notes/notes-catalog.ts'
import { createCatalogServers } from '../app/notes/servers.ts'
import { createSite, protectedEndpoint } from '../app/serve/http.ts'
import { createMcpEndpoint } from '../app/serve/mcp/endpoint.ts'
import { authFrom } from '../auth/auth-from.ts'
import { createJwtValidator } from '../src/engines/jwt.ts'
import type { AuthInfo, ValidatedToken } from '../src/token-validator.ts'

export interface CompositionSettings {
  issuer: string
  resource: string
  jwksUri: string
  expiredToken?: string
  /** Socket of a watcher. */
  watch?: string
  /** Origin of the server behind a gateway. */
  target?: string
}

/** A server to be measured. */
export type Composition = (settings: CompositionSettings) => RequestListener | Promise<RequestListener>

/** Takes long enough for a client to hang up meanwhile. */
const slow = defineTool({
  name: 'slow',
  title: 'Slow',
  description: 'Takes a while.',
  inputSchema: z.strictObject({}),
  outputSchema: z.object({}),
  annotations: {},
  handler: () => delay(20, {}),
})

const notes = createNotesCatalog(createNoteStore(), '0.0.0')
const catalog: Catalog = { ...notes, tools: [...notes.tools, slow] }

const reportBug = (error: unknown) => console.error(error)

function createEndpoint() {
  return createMcpEndpoint({ servers: createCatalogServers(catalog, reportBug), now: Date.now })
}

/** Our server as it ships, validating JWTs. */
export function checked({ issuer, resource, jwksUri }: CompositionSettings): RequestListener {
  const validator = createJwtValidator(
    { issuer, jwksUri, audience: { audience: [resource] }, types: ['at+jwt'] },
    { resource, fetch, now: Date.now },
  )
  const auth = authFrom({ ...declaration, resource }, validator, { observer: {} })
  const endpoint = protectedEndpoint(auth, createEndpoint().handle, reportBug)
  return createSite({ servers: [{ auth, name: 'Notes', endpoint }], onError: reportBug })
}

/**
 * The same server with the check taken out: every request is taken for whoever it says it is from, and its body is parsed. As many
 * users as with the check: for a single one, compiled code takes the user for a constant.
 */
export function unchecked({ issuer, resource }: CompositionSettings): RequestListener {
  const users = new Map<string, { token: ValidatedToken; auth: AuthInfo }>()
  function userOf(claim: string) {
    const known = users.get(claim)
    if (known) return known
    const token: ValidatedToken = Object.freeze({
      issuer,
      subject: `user-${users.size}`,
      clientId: 'bench',
      scopes: ['notes:read', 'notes:write'],
      audience: [resource],
      expiresAt: 4_000_000_000,
      principalType: 'user' as const,
      claims: {},
    })
    const { clientId, scopes, expiresAt } = token
    const extra = { token, identity: token }
    const auth = { token: '', clientId, scopes: [...scopes], expiresAt, resource: new URL(resource), extra }
    const user = { token, auth }
    users.set(claim, user)
    return user
  }
  const endpoint = createEndpoint()
  return (req, res) => {
    if (req.url !== '/mcp') return void res.writeHead(404).end()
    const { authorization = '' } = req.headers
    const chunks: Buffer[] = []
    req.on('data', chunk => chunks.push(chunk))
    req.on('end', () => {
      const body = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString())
      endpoint.handle(Object.assign(req, { ...userOf(authorization.slice(-16)), body }), res).catch(console.error)
    })
  }
}

/** The least that a refusal can cost: `node:http` with nothing behind it. */
export function bare(): RequestListener {
  return (_req, res) => {
    res.writeHead(401, { 'Content-Type': 'application/json', 'Content-Length': 2 }).end('{}')
  }
}

/** What the examples of SDK 1.x and jose add up to: server and transport per request, the token verified each time. */
export function usual({ issuer, resource, jwksUri }: CompositionSettings): RequestListener {
  const keys = createRemoteJWKSet(new URL(jwksUri))
  const app = express()
  app.use(express.json())
  app.use(
    requireBearerAuth({
      verifier: {
        async verifyAccessToken(token) {
          const { payload } = await jwtVerify(token, keys, { issuer, audience: resource, typ: 'at+jwt' })
          return {
            token,
            clientId: String(payload.client_id),
            scopes: String(payload.scope).split(' '),
            expiresAt: payload.exp,
          }
        },
      },
    }),
  )
  app.post('/mcp', async (req, res) => {
    const server = createUsualServer()
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    res.on('close', () => {
      transport.close()
      server.close()
    })
    await server.connect(transport)
    await transport.handleRequest(req, res, req.body)
  })
  return app
}

/** The same tools, with their schemas, the way the SDK's examples register them. */
function createUsualServer(): McpServer {
  const server = new McpServer({ name: 'notes', version: '0.0.0' })
  for (const { name, title, description, inputSchema, outputSchema, annotations } of catalog.tools) {
    server.registerTool(name, { title, description, inputSchema, outputSchema, annotations }, () => ({
      content: [{ type: 'text', text: '{"notes":[]}' }],
      structuredContent: { notes: [] },
    }))
  }
  return server
}
