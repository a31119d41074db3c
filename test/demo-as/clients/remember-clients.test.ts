import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
import { beforeEach, expect, it } from 'vitest'
import { rememberClients } from '../../../demo-as/clients/remember-clients.ts'

const record = (id: string) => ({
  client_id: id,
  client_name: 'Claude',
  redirect_uris: ['http://localhost/callback'],
  grant_types: ['authorization_code'],
  token_endpoint_auth_method: 'none' as const,
})

const key = { ...(await exportJWK((await generateKeyPair('RS256', { extractable: true })).privateKey)), alg: 'RS256' }

let records: Map<string, object>
let provider: Provider
beforeEach(() => {
  records = new Map(Array.from({ length: 300 }, (_, i) => [`client-${i}`, record(`client-${i}`)]))
  const adapter = { find: async (id: string) => records.get(id) } as never
  provider = new Provider('http://localhost:1', {
    adapter: () => adapter,
    clients: [record('configured')],
    jwks: { keys: [key] },
    features: { devInteractions: { enabled: false } },
  })
  rememberClients(provider, adapter, id => id !== 'configured')
})

it('a client is made once, however many others there are', async () => {
  const found = await Promise.all([...records.keys()].map(id => provider.Client.find(id)))
  expect(found.filter(Boolean)).toHaveLength(300)
  for (const client of found) expect(await provider.Client.find(client?.clientId ?? '')).toBe(client)
})

it('a client whose record has changed is made anew, and one without a record is none', async () => {
  const before = await provider.Client.find('client-0')
  records.set('client-0', { ...record('client-0'), client_name: 'Cursor' })
  const after = await provider.Client.find('client-0')
  expect(after).not.toBe(before)
  expect(after?.clientName).toBe('Cursor')
  records.delete('client-0')
  expect(await provider.Client.find('client-0')).toBeUndefined()
})

it('one of the configuration is not looked for among the registered', async () => {
  records.set('configured', { ...record('configured'), client_name: 'An impostor' })
  expect((await provider.Client.find('configured'))?.clientName).toBe('Claude')
})

it.each(['', 'nobody', undefined, 42])('%j is no client', async id => {
  expect(await provider.Client.find(id as string)).toBeUndefined()
})
