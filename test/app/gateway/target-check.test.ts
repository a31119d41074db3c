import { expect, it } from 'vitest'
import { GATEWAY_FILE, targetProblem } from '../../../app/gateway/target-check.ts'

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

it.each([
  [404, 'Correct the path of its URL (--to).', 'Correct the path of its URL (to).'],
  [
    401,
    'Give it one with --credential-env, or turn its sign-in off.',
    'Give it one with "identity": {"credentialEnv": "NAME"}, or turn its sign-in off.',
  ],
  [
    405,
    'Correct the path of its URL (--to), or add --transport sse for a server of 2024-11-05.',
    'Correct the path of its URL (to), or add "transport": "sse" for a server of 2024-11-05.',
  ],
])('says of status %i what to change where the target was named: option or file', async (status, option, member) => {
  const answer = async () => new Response(null, { status })
  const url = 'http://127.0.0.1:8000/mcp'
  expect((await targetProblem(url, {}, answer))?.cure).toBe(option)
  expect((await targetProblem(url, {}, answer, GATEWAY_FILE))?.cure).toBe(member)
})
