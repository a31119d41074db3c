import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import type { OAuthTokenVerifier } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { createAuth } from 'idplug'
import { authRoutes, protect } from 'idplug/express'
import { files } from './files.ts'
import { createServer } from './tools.ts'

const auth = createAuth(files)

/** Leaves the token to the provider, and adds what is this server's own. */
class TokenVerifier implements OAuthTokenVerifier {
  async verifyAccessToken(token: string) {
    const known = await auth.validator.verifyAccessToken(token)
    return { ...known, extra: { since: Date.now() } }
  }
}

const app = express()
app.use(authRoutes(auth))
app.all('/mcp', protect(auth), requireBearerAuth({ verifier: new TokenVerifier() }), async (req, res) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createServer().connect(transport)
  await transport.handleRequest(req, res, req.body)
})
app.listen(process.env.PORT ?? 3000)
