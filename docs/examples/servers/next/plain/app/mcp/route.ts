import { createMcpHandler } from 'mcp-handler'
import { addTools } from '../../../lib/tools'

const handler = createMcpHandler(addTools)

export { handler as DELETE, handler as GET, handler as POST }
