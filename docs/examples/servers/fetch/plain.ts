import { serve } from '@hono/node-server'
import { mcp } from './tools.ts'

// What Bun (`export default`) and Deno (`Deno.serve`) have built in, Node has from a package.
serve({ fetch: request => mcp.fetch(request), port: Number(process.env.PORT ?? 3000) })
