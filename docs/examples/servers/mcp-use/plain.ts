import { MCPServer } from 'mcp-use'
import { addTools } from './tools.ts'

const server = new MCPServer({
  name: 'files',
  version: '1.0.0',
})
addTools(server)
await server.listen(Number(process.env.PORT ?? 3232))
