import { protect } from 'idplug/next'
import { createMcpHandler } from 'mcp-handler'
import { auth } from '../../lib/auth'
import { addTools } from '../../lib/tools'

const handler = createMcpHandler(addTools)
const route = protect(auth, handler)

export { route as DELETE, route as GET, route as OPTIONS, route as POST }
