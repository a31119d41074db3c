import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createBridge } from '../../auth/bridge.ts'
import { loadConfiguration } from '../../config/load.ts'
import * as server from '../../demo-as/index.ts'
import { createAzureEmulator } from '../../emulators/azure.ts'
import { createKeyRing, signJwt } from '../../emulators/core/keys.ts'
import { temporaryFolder } from '../support/temporary-files.ts'

const TENANT = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const CLIENT = '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11'
const CALLBACK = 'http://localhost:3001/oauth/callback'
const WORKLOAD = { issuer: 'https://cluster.example', subject: 'system:serviceaccount:mcp:bridge' }
const AUDIENCE = 'api://AzureADTokenExchange'

it('a bridge with workload identity shows what stands in the file at each request, and nothing that is no token', async () => {
  const keys = createKeyRing()
  const { alg, kid, privateKey } = keys.current
  const claims = { iss: WORKLOAD.issuer, sub: WORKLOAD.subject, aud: AUDIENCE }
  const mint = (seconds: number) =>
    signJwt({ alg, kid }, { ...claims, jti: randomUUID(), exp: Math.floor(Date.now() / 1000) + seconds }, privateKey)
  const folder = temporaryFolder()
  const file = join(folder, 'token')
  writeFileSync(file, await mint(-60))

  const federated = { ...WORKLOAD, audience: AUDIENCE, jwks: keys.published() }
  const emulator = createAzureEmulator({
    origin: 'https://login.microsoftonline.com',
    clients: [{ clientId: CLIENT, redirectUris: [CALLBACK], federated }],
  })
  const configuration = loadConfiguration({
    AUTH_BRIDGE: 'on',
    AUTH_PROVIDER: 'azure',
    AZURE_TENANT_ID: TENANT,
    AZURE_FEDERATED_TOKEN_FILE: file,
    BRIDGE_CLIENT_ID: CLIENT,
    BRIDGE_ALLOW: `tenant:${TENANT}`,
    BRIDGE_GRANT_SCOPES: 'notes:read',
  })
  const sent: string[] = []
  const { upstream } = createBridge(server, configuration, async (input, init) => {
    if (init?.body instanceof URLSearchParams) sent.push(init.body.toString())
    return emulator.fetch(input, init)
  })
  if (!upstream) throw new Error('no bridge')
  const identify = async () => {
    const { url, memory } = await upstream.depart({ state: 's', redirectUri: CALLBACK })
    const response = await emulator.fetch(`${url}&login_hint=ada@contoso.example`, { redirect: 'manual' })
    const answer = new URL(response.headers.get('location') ?? '').searchParams
    return upstream.identify(answer, { state: 's', redirectUri: CALLBACK, memory, keep: async () => {} })
  }

  await expect(identify()).rejects.toThrow('invalid_client')
  writeFileSync(file, await mint(3600))
  expect(await identify()).toMatchObject({ outcome: 'signed_in' })
  const before = sent.length
  writeFileSync(file, 'root:x:0:0')
  await expect(identify()).rejects.toThrow(`the token of the platform (${file}) does not hold a signed JWT`)
  expect(sent).toHaveLength(before)
})
