import { expect, it } from 'vitest'
import { targetProblem } from '../../../app/gateway/target-check.ts'

it.each([
  ['/mcp/?key=secret', 'http://127.0.0.1:8000/mcp/'],
  ['https://mcp.example.com/mcp?key=secret', 'https://mcp.example.com/mcp'],
  ['http://', 'nowhere'],
])('names where a redirect to %s leads, without the query, which may hold a secret', async (location, named) => {
  const redirect = async () => new Response(null, { status: 307, headers: { location } })
  const problem = await targetProblem('http://127.0.0.1:8000/mcp?key=secret', {}, redirect)
  expect(problem).toMatchObject({
    kind: 'not MCP',
    seen: `http://127.0.0.1:8000/mcp redirects to ${named} (status 307)`,
  })
})
