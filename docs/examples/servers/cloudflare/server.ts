import { createAuth } from 'idplug'
import { protect } from 'idplug/cloudflare'
import { files } from './files.ts'
import { mcp } from './tools.ts'

export default {
  fetch: protect(
    env => createAuth(files, { env }),
    (request, { authInfo, parsedBody }) => mcp.fetch(request, { authInfo, parsedBody }),
  ),
}
