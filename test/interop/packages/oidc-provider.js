import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'
import MemoryAdapter from './node_modules/oidc-provider/lib/adapters/memory_adapter.js'
import { listener, serve } from './serve.js'

/** What it uses by itself; as a class of our own, all that are made share one store, which so outlives the change of a key. */
class SharedMemory extends MemoryAdapter {}

async function newKey() {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return { ...(await exportJWK(privateKey)), kid: randomUUID(), use: 'sig', alg: 'RS256' }
}

/** Sign-in pages, account lookup and everything else that is not set here is what the package does on its own. */
function configuration(settings, key) {
  const { clients, scopes, people, resources, accessTokenFormat, lifetime, alwaysRefresh, userInfoNamesClient } =
    settings
  const resourceIndicators = {
    enabled: true,
    useGrantedResource: () => true,
    getResourceServerInfo: (_ctx, resource) => {
      if (!resources.includes(resource)) throw new Error('unknown resource')
      return { scope: scopes.join(' '), accessTokenFormat, accessTokenTTL: lifetime }
    },
  }
  return {
    adapter: SharedMemory,
    clients,
    jwks: { keys: [key] },
    scopes: ['openid', 'offline_access', ...scopes],
    cookies: { keys: ['made up'] },
    findAccount: (_ctx, sub, token) => {
      const claims = use => ({ sub, ...(userInfoNamesClient && use === 'userinfo' && { client_id: token.clientId }) })
      return people.includes(sub) ? { accountId: sub, claims } : undefined
    },
    ...(userInfoNamesClient && { claims: { openid: ['sub', 'client_id'] } }),
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      ...(resources ? { resourceIndicators } : {}),
    },
    ...(alwaysRefresh && { issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token') }),
  }
}

serve(async settings => {
  const people = [...settings.people]
  let provider
  const replaceKeys = async () => {
    provider = new Provider(settings.issuer, configuration({ ...settings, people }, await newKey()))
  }
  await replaceKeys()
  return {
    ...listener(settings.issuer, (request, response) => provider.callback()(request, response)),
    replaceKeys,
    removePerson: name => void people.splice(people.indexOf(name), 1),
  }
})
