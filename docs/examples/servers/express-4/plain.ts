import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import type { OAuthTokenVerifier } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { createServer } from './tools.ts'

/** Knows one token, the operator's. */
class TokenVerifier implements OAuthTokenVerifier {
  async verifyAccessToken(token: string) {
    if (token !== process.env.OPERATOR_TOKEN) throw new Error('unknown token')
    const expiresAt = Math.floor(Date.now() / 1000) + 60
    const known = { token, clientId: 'operator', scopes: ['files:read', 'files:write'], expiresAt }
    return { ...known, extra: { since: Date.now() } }
  }
}

const app = express()
app.use(express.json())
app.all('/mcp', requireBearerAuth({ verifier: new TokenVerifier() }), async (req, res) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createServer().connect(transport)
  await transport.handleRequest(req, res, req.body)
})
app.listen(process.env.PORT ?? 3000)
