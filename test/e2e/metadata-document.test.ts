import { expect, it, onTestFinished } from 'vitest'
import { listenHttps } from '../support/https.ts'
import { createMcpUser, type Sdk } from './mcp-user.ts'
import { startServers } from './servers.ts'

it.each<Sdk>(['1.x', '2.x'])(
  'an official client of SDK %s with a metadata document signs in without registering',
  async sdk => {
    let document = {}
    const host = await listenHttps('localhost', (_req, res) =>
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document)),
    )
    const { resource, log } = await startServers({ CIMD_PRIVATE_HOSTS: host })
    const user = createMcpUser(sdk, resource, 'ada')
    onTestFinished(() => user.close())
    const clientId = `https://${host}/client.json`
    user.memory.clientMetadataUrl = clientId
    document = { client_id: clientId, ...user.memory.clientMetadata }

    await user.connect()
    expect((await user.call('whoami')).text).toContain(clientId)
    expect(user.memory.clientId).toBe(clientId)
    expect(log()).not.toContain('client_registered')
  },
)
