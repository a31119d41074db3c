import { expect, it } from 'vitest'
import { landingPage } from '../../../app/serve/landing.ts'

it.each([
  ['Notes', 'notes'],
  ['Files of ACME & sons', 'files-of-acme-sons'],
  ['文件', 'server'],
])('%s is called %s in the commands that add it to a client', (name, key) => {
  const page = landingPage({ name, resource: 'https://mcp.example.com/mcp', authorizationServers: [] })
  expect(page).toContain(`claude mcp add --transport http ${key} https://mcp.example.com/mcp`)
  expect(page.split('&quot;').join('"').split(`"${key}": {`)).toHaveLength(3)
})
