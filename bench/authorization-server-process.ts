import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type Configuration } from 'oidc-provider'
import { createOidcAdapter } from '../demo-as/oidc-adapter.ts'
import { createAuthorizationServer } from '../demo-as/server.ts'
import { createMemoryStores } from '../demo-as/stores/memory.ts'
import { openStores, type StorePlace } from '../demo-as/stores/open.ts'
import type { StoreFactory } from '../demo-as/stores/store.ts'
import { leastAdapter } from './least-adapters.ts'

// An authorization server to be measured, in a process of its own, with clients and grants in it. The argument says what it is, how
// many there are, and where its store is; a message on the process channel asks what it has used.

export interface Measured {
  /** `bare` is oidc-provider with the least adapter. */
  kind: 'bare' | 'ours'
  store: StorePlace | { kind: 'memory' }
  clients: number
}

export interface Usage {
  /** Bytes, after a collection of garbage if that was asked for. */
  resident: number
  /** Microseconds of CPU time since the start. */
  cpu: number
}

export interface Seeded {
  port: number
  /** One for each client. */
  grants: { clientId: string; refreshToken: string; accessToken: string }[]
}

const RESOURCE = 'http://localhost:3232/mcp'
const RESOURCE_SERVER = { client_id: 'notes-server', client_secret: 'notes-server-secret' }
const SECONDS = 24 * 3600
const person = { subject: 'ada', username: 'ada', name: 'Ada', scopes: ['notes:read'] }

const { kind, store, clients } = JSON.parse(process.argv[2] ?? '') as Measured
const server = createServer((req, res) => listener(req, res)).listen(0, '127.0.0.1')
let listener: RequestListener
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const issuer = `http://localhost:${port}`

const configuration: Configuration = {
  clients: [
    {
      ...RESOURCE_SERVER,
      token_endpoint_auth_method: 'client_secret_basic',
      redirect_uris: [],
      response_types: [],
      grant_types: [],
    },
  ],
  clientDefaults: { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256' },
  jwks: { keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })] },
  scopes: ['notes:read'],
  findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
  rotateRefreshToken: () => true,
  issueRefreshToken: async () => true,
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: async () => true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: async () => true,
      getResourceServerInfo: async () => ({ audience: RESOURCE, scope: 'notes:read', accessTokenFormat: 'opaque' }),
    },
  },
  ttl: { AccessToken: SECONDS, RefreshToken: SECONDS, Grant: SECONDS },
}

if (kind === 'bare') {
  const provider = new Provider(issuer, { ...configuration, adapter: await leastAdapter(store) })
  provider.silent = true
  listener = provider.callback()
  await seed(provider)
} else {
  const stores = await storesOf()
  const { handler } = await createAuthorizationServer({
    issuer,
    stores,
    resources: [
      {
        resource: RESOURCE,
        scopes: { 'notes:read': 'Read your notes' },
        defaultScopes: ['notes:read'],
        clientId: RESOURCE_SERVER.client_id,
        clientSecret: RESOURCE_SERVER.client_secret,
      },
    ],
  })
  listener = handler
  // Puts into the store what sign-ins would have put there.
  const provider = new Provider(issuer, { ...configuration, adapter: createOidcAdapter(stores) })
  await stores('Account').set(person.subject, person, SECONDS)
  await seed(provider)
}

async function storesOf(): Promise<StoreFactory> {
  if (store.kind === 'memory') return createMemoryStores({ maxEntries: 1_000_000, maxCharacters: 2_000_000_000 })
  return (await openStores(store)).stores
}

/** Registered clients, each with a grant, a refresh token and an access token. */
async function seed(provider: Provider): Promise<void> {
  const adapter = (provider.Client as unknown as { adapter: { upsert(...args: unknown[]): Promise<void> } }).adapter
  const grants: Seeded['grants'] = []
  for (let i = 0; i < clients; i++) {
    const clientId = `client-${i}`
    const metadata = {
      client_id: clientId,
      redirect_uris: ['http://localhost/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    }
    await adapter.upsert(clientId, metadata, SECONDS)
    const grant = new provider.Grant({ accountId: person.subject, clientId })
    grant.addResourceScope(RESOURCE, 'notes:read')
    const common = { accountId: person.subject, clientId, grantId: await grant.save(), gty: 'authorization_code' }
    const refreshToken = new provider.RefreshToken({ ...common, scope: 'notes:read', resource: RESOURCE } as never)
    const accessToken = new provider.AccessToken({ ...common, scope: 'notes:read' } as never)
    accessToken.resourceServer = new provider.ResourceServer(RESOURCE, {
      audience: RESOURCE,
      scope: 'notes:read',
      accessTokenFormat: 'opaque',
    })
    const tokens = { refreshToken: await refreshToken.save(), accessToken: await accessToken.save() }
    grants.push({ clientId, ...tokens })
  }
  process.send?.({ port, grants } satisfies Seeded)
}

process.on('message', (collect: boolean) => {
  if (collect) globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  process.send?.({ resident: process.memoryUsage.rss(), cpu: user + system } satisfies Usage)
})
process.on('disconnect', () => process.exit())
