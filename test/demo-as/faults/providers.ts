import { people } from '../../../adapters/people.ts'
import { createGithubUpstream } from '../../../demo-as/upstream/github.ts'
import { createOpenIdUpstream } from '../../../demo-as/upstream/openid-connect.ts'
import { createGithubEmulator } from '../../../emulators/github.ts'
import { createOidcEmulator } from '../../../emulators/oidc.ts'
import type { Provider } from './world.ts'

const CLIENT = {
  clientId: 'bridge',
  clientSecret: 'bridge-secret',
  redirectUris: ['http://localhost:3001/oauth/callback'],
}
const rules = { allow: ['everyone'], grants: [{ scopes: ['notes:read'], to: ['everyone'] }] }
const ada = { login: 'ada', id: '1', claims: { email: 'ada@example.com', email_verified: true } }

interface OpenIdOptions {
  rotates: boolean
  /** Default true. */
  sendsIdTokens?: boolean
}

export function openIdProvider({ rotates, sendsIdTokens = true }: OpenIdOptions): Provider {
  const origin = 'https://id.example.com'
  const emulator = createOidcEmulator({ origin, clients: [CLIENT], users: [ada], rotateRefreshTokens: rotates })
  if (!sendsIdTokens) emulator.vary({ omit: ['refresh.id_token'] })
  let given = ''
  const revoked = new Set<string | null>()
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    const form = new URLSearchParams(await request.clone().text())
    const response = await emulator.fetch(request)
    const text = await response.clone().text()
    if (response.ok && text.includes('"refresh_token"')) given = JSON.parse(text).refresh_token
    if (response.ok && new URL(request.url).pathname === '/revoke') revoked.add(form.get('token'))
    return response
  }
  return {
    fetch,
    isTokenRequest: request => new URL(request.url).pathname === '/token',
    isRefusal: async response => response.status === 400,
    isEnded: async () => revoked.has(given),
    createUpstream: fetch =>
      createOpenIdUpstream({
        preset: people.oidc.signIn,
        metadataUrl: `${origin}/.well-known/openid-configuration`,
        clientId: CLIENT.clientId,
        clientSecret: CLIENT.clientSecret,
        fetch,
        timeoutSeconds: 5,
        scopes: [],
        groupsClaim: 'groups',
        rolesClaim: 'roles',
        rules,
        maxAgeSeconds: 3600,
        now: Date.now,
      }),
  }
}

/** GitHub, with tokens of an app that end and are renewed. */
export function githubProvider(): Provider {
  const origin = 'https://github.com'
  const app = { ...CLIENT, kind: 'github' as const }
  const emulator = createGithubEmulator({ origin, clients: [app], users: [{ login: 'ada', id: 1001 }] })
  let given = ''
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await emulator.fetch(input, init)
    const text = await response.clone().text()
    if (/"access_token":"ghu_/.test(text)) given = JSON.parse(text).access_token
    return response
  }
  return {
    fetch,
    isTokenRequest: request => new URL(request.url).pathname === '/login/oauth/access_token',
    isRefusal: async response => /"error"/.test(await response.text()),
    async isEnded() {
      const headers = { authorization: `Bearer ${given}`, 'user-agent': 'test' }
      return (await emulator.fetch('https://api.github.com/user', { headers })).status === 401
    },
    createUpstream: fetch =>
      createGithubUpstream({
        metadataUrl: origin,
        clientId: CLIENT.clientId,
        clientSecret: CLIENT.clientSecret,
        fetch,
        timeoutSeconds: 5,
        personOf: people.github.signIn.personOf,
        rules,
      }),
  }
}
