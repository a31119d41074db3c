import { describe, expect, it, onTestFinished } from 'vitest'
import { sdk1 } from './drivers/sdk.ts'
import type { Kind } from './kinds.ts'
import { visit } from './measure.ts'
import { startFilesServer } from './servers.ts'

const AT_ORIGIN = '/.well-known/oauth-authorization-server'

/** The authorization server has an origin of its own. */
const elsewhere: Kind[] = ['beside', 'auth0', 'oidc']

describe('clients that look for the authorization server at the origin of the MCP server', () => {
  it.each(['sdk-1.10', 'sdk-1.11', 'sdk-1.15'])('find it there, sign in and call a tool: %s', async folder => {
    await visit(sdk1(folder), { kind: 'beside' }, {}, async (session, { url, issuer, seen }) => {
      await session.connect()
      expect(await session.call('read_file', { path: 'a.txt' })).toBe('Hello')
      expect(new URL(issuer).origin).not.toBe(new URL(url).origin)
      expect(session.opened()[0]?.origin).toBe(new URL(issuer).origin)
      expect(seen).toContainEqual(expect.objectContaining({ path: AT_ORIGIN, status: 200 }))
    })
  })

  it.each(elsewhere)('get the document of the authorization server as it is: %s', async kind => {
    const server = await startFilesServer(kind)
    onTestFinished(server.close)
    const { origin } = new URL(server.url)
    const documentAt = async (url: string) => (await fetch(url)).json() as Promise<{ issuer: string }>
    const names = ['oauth-authorization-server', 'openid-configuration']
    const published = await Promise.any(
      names.map(name => documentAt(`${server.issuer.replace(/\/$/, '')}/.well-known/${name}`)),
    )
    expect(published.issuer).toBe(server.issuer)
    expect(await documentAt(origin + AT_ORIGIN)).toEqual(published)
    expect(await documentAt(`${origin}${AT_ORIGIN}/mcp`)).toEqual(published)
  })
})

describe('applications on SDKs that ask for no scope of their own accord', () => {
  // Without `scope` this provider grants none.
  it.each(['sdk-1.11', 'sdk-1.12', 'sdk-1.15', 'sdk-1.17'])('get those that they name: %s', async folder => {
    const client = sdk1(folder, 'files:read files:write')
    await visit(client, { kind: 'oidc' }, {}, async (session, { refusedTools }) => {
      await session.connect()
      expect(await session.call('read_file', { path: 'a.txt' })).toBe('Hello')
      expect(await session.call('write_file', { path: 'b.txt', text: 'new' })).toBe('wrote b.txt')
      expect(refusedTools).toEqual([])
    })
  })
})
