import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callTool } from '../support/call-tool.ts'
import { type Project, startProject } from './project.ts'

const METADATA = 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"'

describe.each([
  { version: '1.10', sdk: 'mcp-sdk-1.10', tellsMetadata: false, caller: 'undefined' },
  { version: '1.12', sdk: 'mcp-sdk-1.12', tellsMetadata: true, caller: 'test-client' },
  { version: '1.17', sdk: 'mcp-sdk-1.17', tellsMetadata: true, caller: 'test-client' },
  { version: '1.25', sdk: 'mcp-sdk-1.25', tellsMetadata: true, caller: 'test-client' },
  { version: '1.32', sdk: '@modelcontextprotocol/sdk', tellsMetadata: true, caller: 'test-client' },
])('requireBearerAuth of SDK $version with the validator of an auth', ({ sdk, tellsMetadata, caller }) => {
  let project: Project
  beforeAll(async () => {
    project = await startProject(sdk)
  })
  afterAll(() => project?.close())
  const call = (token?: string) => callTool(project.origin, 'whoami', token)

  it('sends a challenge to a client without a token', async () => {
    const response = await call()
    expect(response.status).toBe(401)
    const challenge = response.headers.get('www-authenticate')
    expect(challenge).toContain('Bearer')
    // SDK 1.10 does not know that clients need it.
    expect(challenge?.includes(METADATA)).toBe(tellsMetadata)
  })

  // SDK 1.10 does not tell tools over Streamable HTTP who is calling.
  it(`runs a tool, whose caller is ${caller}`, async () => {
    const response = await call(project.tokens.good)
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining(`"text":"${caller}"`)])
  })

  it('refuses an expired token with 401 invalid_token', async () => {
    const response = await call(project.tokens.expired)
    expect([response.status, await response.json()]).toEqual([401, expect.objectContaining({ error: 'invalid_token' })])
  })

  it('refuses a token without the scope with 403 insufficient_scope', async () => {
    const response = await call(project.tokens.weak)
    expect([response.status, await response.json()]).toEqual([
      403,
      expect.objectContaining({ error: 'insufficient_scope' }),
    ])
  })

  it('answers 500 in an outage, for it knows no 503, and never 401', async () => {
    const response = await call(project.tokens.unknown)
    expect([response.status, await response.json()]).toEqual([500, expect.objectContaining({ error: 'server_error' })])
  })

  it('serves the metadata of the resource by authRoutes', async () => {
    const response = await fetch(`${project.origin}/.well-known/oauth-protected-resource/mcp`)
    expect(await response.json()).toMatchObject({
      resource: 'https://mcp.example.com/mcp',
      scopes_supported: ['files:read', 'files:write'],
    })
  })
})
