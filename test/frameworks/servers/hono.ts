import { Hono } from 'hono'
import type { Auth } from 'idplug'
import { type AuthVariables, authRoutes, protect } from 'idplug/hono'
import { mcp } from './mcp.ts'

export function createFilesServer(auth: Auth) {
  const app = new Hono<{ Variables: AuthVariables }>()
  app.use(authRoutes(auth))
  app.all('/mcp', protect(auth), c =>
    mcp.fetch(c.req.raw, { authInfo: c.get('authInfo'), parsedBody: c.get('parsedBody') }),
  )
  return app
}
