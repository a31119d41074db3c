import { expect, it } from 'vitest'
import { nameOfUrl } from '../../../app/gateway/default-declaration.ts'

it.each([
  ['https://files.example.com/mcp', 'files.example.com'],
  ['http://files:8000/mcp', 'files'],
  ['http://127.0.0.1:8000/mcp', 'MCP server on port 8000'],
  ['http://localhost:8000/mcp', 'MCP server on port 8000'],
  ['http://[::1]:8000/mcp', 'MCP server on port 8000'],
  ['http://[fd00::7]/mcp', 'MCP server on port 80'],
  ['https://10.0.0.7/mcp', 'MCP server on port 443'],
])('people are told of the server at %s as %s', (url, name) => {
  expect(nameOfUrl(url)).toBe(name)
})
