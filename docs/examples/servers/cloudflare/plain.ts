import { mcp } from './tools.ts'

export default {
  fetch: (request: Request) => mcp.fetch(request),
}
