import { afterEach, describe, expect, it, vi } from 'vitest'
import { notes, startWithClient } from '../demo-as/support.ts'
import { freePort } from '../support/http.ts'
import { initializeWith } from './call-with.ts'
import { startServers } from './servers.ts'

afterEach(() => void vi.useRealTimers())

async function call(resource: string, token: string) {
  const { headers, status } = await initializeWith(resource, { authorization: `Bearer ${token}` })
  return { status, challenge: headers.get('www-authenticate') ?? '' }
}

const secondsAgo = (seconds: number) => Date.now() - seconds * 1000

describe.each(['opaque', 'jwt'] as const)('an MCP server with REVOKE_BEFORE, %s tokens', format => {
  it('refuses those issued before it, from its cache too, and takes those issued since', async () => {
    const port = await freePort()
    const resource = `http://localhost:${port}/mcp`
    const { origin, client } = await startWithClient({
      resources: [{ ...notes, resource }],
      accessTokenFormat: format,
    })
    vi.useFakeTimers({ toFake: ['Date'], now: secondsAgo(60) })
    const { tokens: leaked } = await client.obtainTokens({ resource })
    vi.useRealTimers()
    const { tokens: fresh } = await client.obtainTokens({ resource })

    const server = await startServers({
      PORT: String(port),
      AUTH_MODE: 'separate',
      AUTH_SERVER_URL: origin,
      ACCESS_TOKEN_FORMAT: format,
      DEMO_RS_CLIENT_ID: notes.clientId,
      DEMO_RS_CLIENT_SECRET: notes.clientSecret,
      REVOKE_BEFORE: new Date(secondsAgo(30)).toISOString(),
    })
    for (let time = 0; time < 2; time++) {
      expect(await call(server.resource, leaked.access_token)).toMatchObject({
        status: 401,
        challenge: expect.stringContaining('error="invalid_token"'),
      })
    }
    expect(server.log().match(/"reason":"demo\.revoked"/g)).toHaveLength(2)
    expect((await call(server.resource, fresh.access_token)).status).toBe(200)
  })
})
