// Runs in a folder where `idplug` and one version of the SDK are installed, as in the project of a user.
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { createAuth } from 'idplug'
import { authRoutes } from 'idplug/express'
import { createTestIssuer } from 'idplug/testing'
import { files } from '../files.ts'

const issuer = createTestIssuer()
const auth = createAuth(files, { env: {}, providers: [issuer.provider] })

const app = express().use(authRoutes(auth))
const options = {
  requiredScopes: [...files.initialScopes],
  resourceMetadataUrl: `https://mcp.example.com${auth.metadataPaths[0]}`,
}
// SDK 1.10 and older call it `provider`.
app.use('/mcp', requireBearerAuth({ verifier: auth.validator, provider: auth.validator, ...options } as never))
app.post('/mcp', express.json(), async (request, response) => {
  const server = new McpServer({ name: 'files', version: '1.0.0' })
  server.tool('whoami', async extra => ({ content: [{ type: 'text', text: String(extra.authInfo?.clientId) }] }))
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await server.connect(transport)
  await transport.handleRequest(request, response, request.body)
})

await auth.ready()
const tokens = {
  good: await issuer.token({ scopes: ['files:read'] }),
  expired: await issuer.token({ scopes: ['files:read'], expiresInSeconds: -60 }),
  weak: await issuer.token(),
}
const listening = app.listen(0, '127.0.0.1', async () => {
  issuer.goDown()
  const { port } = listening.address() as { port: number }
  process.stdout.write(
    `${JSON.stringify({ port, tokens: { ...tokens, unknown: await issuer.token({ scopes: ['files:read'] }) } })}\n`,
  )
})
