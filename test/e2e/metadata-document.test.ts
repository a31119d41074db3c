import { expect, it } from 'vitest'
import { createClient } from '../demo-as/support.ts'
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
    const clientId = `https://${host}/client.json`
    user.memory.clientMetadataUrl = clientId
    document = { client_id: clientId, ...user.memory.clientMetadata }

    await user.connect()
    expect((await user.call('whoami')).text).toContain(clientId)
    expect(user.memory.clientId).toBe(clientId)
    expect(log()).not.toContain('client_registered')
  },
)

it.each(['https:', 'HTTPS:'])(
  'a stranger who publishes a document gets nothing without a person, with %s before its address',
  async scheme => {
    let document = {}
    const host = await listenHttps('localhost', (_req, res) =>
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document)),
    )
    const { resource, issuer, log } = await startServers({ CIMD_PRIVATE_HOSTS: host })
    const client_id = `${scheme}//${host}/client.json`
    document = {
      client_id,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      token_endpoint_auth_method: 'none',
      scope: 'notes:read notes:write notes:admin',
    }
    for (const scope of ['notes:admin', undefined]) {
      const fields = { grant_type: 'client_credentials', client_id, scope, resource }
      const { status, json } = await createClient(issuer).token(fields)
      expect(status).toBe(400)
      expect(json.error).toBe(scheme === 'https:' ? 'invalid_client_metadata' : 'invalid_client')
      expect(json).not.toHaveProperty('access_token')
    }
    expect(log()).not.toContain('token_issued')
  },
)
