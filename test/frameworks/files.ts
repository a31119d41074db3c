import type { ResourceDeclaration } from 'idplug'

/** What the example servers say about themselves: name, scopes, and what each tool needs. */
export const files = {
  name: 'Files',
  resource: 'https://mcp.example.com/mcp',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const satisfies ResourceDeclaration
