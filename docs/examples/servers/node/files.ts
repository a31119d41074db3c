import type { ResourceDeclaration } from 'idplug'

/** What the server says about itself: name, scopes, and what each tool needs. */
export const files = {
  name: 'Files',
  resource: 'http://localhost:3000/mcp', // PUBLIC_URL moves it
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const satisfies ResourceDeclaration
