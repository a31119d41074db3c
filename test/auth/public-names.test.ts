import { expect, it } from 'vitest'
import { publicNames } from '../../auth/public-names.ts'
import type { RequestHead } from '../../src/auth.ts'

const names = publicNames('https://mcp.example.com/mcp', ['https://other.example/mcp', 'http://internal:8080/mcp'])
const nameAt = (...hosts: string[]) => names.of({ header: () => hosts } as unknown as RequestHead).resource

it.each([
  ['mcp.example.com', 'https://mcp.example.com/mcp'],
  ['other.example', 'https://other.example/mcp'],
  ['Other.Example:443', 'https://other.example/mcp'],
  ['other.example:80', 'https://mcp.example.com/mcp'],
  ['internal:8080', 'http://internal:8080/mcp'],
  ['internal', 'https://mcp.example.com/mcp'],
])('a request to the host %s is to %s', (host, resource) => {
  expect(nameAt(host)).toBe(resource)
})

it('a request that names no host is to the canonical name', () => {
  expect(nameAt()).toBe('https://mcp.example.com/mcp')
})
