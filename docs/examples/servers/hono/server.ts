import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createAuth } from 'idplug'
import { type AuthVariables, authRoutes, protect } from 'idplug/hono'
import { files } from './files.ts'
import { mcp } from './tools.ts'

const auth = createAuth(files)
const app = new Hono<{ Variables: AuthVariables }>()
app.use(authRoutes(auth))
app.all('/mcp', protect(auth), c =>
  mcp.fetch(c.req.raw, { authInfo: c.get('authInfo'), parsedBody: c.get('parsedBody') }),
)
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) })
