import { serve } from '@hono/node-server'
import { createAuth } from 'idplug'
import { protect } from 'idplug/fetch'
import { files } from './files.ts'
import { mcp } from './tools.ts'

const auth = createAuth(files)
const guarded = protect(auth, (request, { authInfo, parsedBody }) => mcp.fetch(request, { authInfo, parsedBody }))
// What Bun (`export default`) and Deno (`Deno.serve`) have built in, Node has from a package.
serve({ fetch: guarded, port: Number(process.env.PORT ?? 3000) })
