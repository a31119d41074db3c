import { describe, expect, it } from 'vitest'
import { freePort } from '../support/http.ts'
import { callWith } from './call-with.ts'
import { createMcpUser, type Sdk } from './mcp-user.ts'
import { startServers } from './servers.ts'

async function signedIn(sdk: Sdk, resource: string) {
  const ada = createMcpUser(sdk, resource, 'ada')
  await ada.connect()
  expect((await ada.call('whoami')).isError).toBe(false)
  return ada.memory.accessToken ?? expect.fail('there is no token')
}

async function metadataOf(resource: string): Promise<Record<string, unknown>> {
  const { status, headers } = await fetch(resource, { method: 'POST' })
  expect(status).toBe(401)
  const url = /resource_metadata="([^"]+)"/.exec(headers.get('www-authenticate') ?? '')?.[1] ?? ''
  return (await fetch(url)).json() as Promise<Record<string, unknown>>
}

describe.each<[Sdk]>([['1.x'], ['2.x']])('an official client, SDK %s,', sdk => {
  it('signs in at a server below a prefix, which a proxy may take off', async () => {
    const PORT = String(await freePort())
    const origin = `http://localhost:${PORT}`
    const { resource } = await startServers({ PORT, PUBLIC_URL: `${origin}/team-a` })
    expect(resource).toBe(`${origin}/team-a/mcp`)
    const token = await signedIn(sdk, resource)
    expect(await callWith(resource, token)).toBe(200)
    expect(await callWith(`${origin}/mcp`, token)).toBe(200)
    expect((await fetch(`${origin}/team-b/mcp`, { method: 'POST' })).status).toBe(404)
    expect(await metadataOf(`${origin}/mcp`)).toMatchObject({ resource })
  })

  it.each(['embedded', 'beside'])(
    'signs in at an authorization server whose issuer has a path, %s',
    async AUTH_MODE => {
      const [PORT, AUTH_SERVER_PORT] = [String(await freePort()), String(await freePort())]
      const PUBLIC_URL = `http://localhost:${PORT}/team-a`
      const issuer = AUTH_MODE === 'embedded' ? PUBLIC_URL : `http://localhost:${AUTH_SERVER_PORT}/sign-in`
      const settings = { PORT, PUBLIC_URL, AUTH_MODE, AUTH_SERVER_PORT, AUTH_SERVER_URL: issuer }
      const { resource } = await startServers(settings)
      expect(await metadataOf(resource)).toMatchObject({ resource, authorization_servers: [issuer] })
      expect(await callWith(resource, await signedIn(sdk, resource))).toBe(200)
    },
  )

  it('signs in at each of several names of a server, and a token for one is good at all', async () => {
    const PORT = String(await freePort())
    const names = [`http://localhost:${PORT}`, `http://127.0.0.1:${PORT}`]
    await startServers({ PORT, PUBLIC_URL: names.join(',') })
    const resources = names.map(name => `${name}/mcp`)
    for (const resource of resources) {
      expect(await metadataOf(resource)).toMatchObject({ resource })
      const token = await signedIn(sdk, resource)
      for (const other of resources) expect(await callWith(other, token)).toBe(200)
    }
  })
})
