import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { mcp } from './tools.ts'

const app = new Hono()
app.all('/mcp', c => mcp.fetch(c.req.raw))
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) })
