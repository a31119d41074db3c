import { hash } from 'node:crypto'
import { expect, it } from 'vitest'
import { createProviders } from '../../auth/providers.ts'
import { loadConfiguration } from '../../config/load.ts'
import { createContext, createProvider, refusalOf } from '../engines/support.ts'

const ALL = {
  AUTH0_DOMAIN: 'tenant.eu.auth0.com',
  GITHUB_CLIENT_ID: 'Iv1.0123456789abcdef',
  GITHUB_CLIENT_SECRET: 'secret',
  GITHUB_GRANT_SCOPES: 'notes:read',
  GITHUB_GRANT_TO: '583231',
  GOOGLE_CLIENT_IDS: '1-a.apps.googleusercontent.com',
  GOOGLE_GRANT_SCOPES: 'notes:read',
  GOOGLE_GRANT_TO: '@example.com',
  INTROSPECTION_METADATA_URL: 'https://as.example.com',
  INTROSPECTION_CLIENT_ID: 'mcp-server',
  INTROSPECTION_CLIENT_SECRET: 'secret',
  PUBLIC_URL: 'https://mcp.example.com',
}

/** Hosts that are asked anything when a token is shown to the server. */
async function hostsAsked(token: string, AUTH_PROVIDER: string): Promise<readonly string[]> {
  const used = AUTH_PROVIDER.split(',').map(name => name.toUpperCase())
  const env = Object.entries(ALL).filter(([name]) => [...used, 'PUBLIC'].some(start => name.startsWith(start)))
  const { providers, resource } = loadConfiguration({ ...Object.fromEntries(env), AUTH_PROVIDER })
  const { fetch, urls } = createProvider({})
  const { context } = createContext(fetch, { resource })
  await refusalOf(createProviders(providers, context).validator.validate(token))
  return [...new Set(urls().map(url => new URL(url).host))]
}

const jwe = `${Buffer.from('{"alg":"dir","enc":"A256GCM","iss":"https://tenant.eu.auth0.com/"}').toString('base64url')}..AAAA.BBBB.CCCC`
const API_KEY = `idplug_${'k'.repeat(43)}`

const foreign = [API_KEY, 'ghp_0123456789', 'github_pat_11AAAA', 'ghr_0123456789', 'ghs_0123456789', '1//0gAbcdef', jwe]

it.each(foreign)('%s is shown to no provider that takes opaque tokens', async token => {
  expect(await hostsAsked(token, 'introspection,auth0')).toEqual([])
  expect(await hostsAsked(token, 'auth0,github,google,introspection')).toEqual([])
})

it.each(['gho_0123456789', 'ghu_0123456789', '0123456789abcdef0123456789abcdef01234567'])(
  '%s is shown to GitHub and to nobody else',
  async token => {
    expect(await hostsAsked(token, 'introspection,github')).toEqual(['api.github.com'])
  },
)

it('an access token of Google is shown to Google and to nobody else', async () => {
  expect(await hostsAsked('ya29.a0Af', 'introspection,google')).toEqual(['oauth2.googleapis.com'])
  expect(await hostsAsked('ya29.a0Af', 'introspection,github')).toEqual([])
})

it('any other opaque token goes to the one that takes any', async () => {
  expect(await hostsAsked('some-token', 'introspection,github')).toEqual(['as.example.com'])
})

/** `AUTH_SHADOW=introspection` beside Auth0, which takes no opaque tokens, so that the shadow takes any. */
function withShadow(keys: Readonly<Record<string, string>>) {
  const { providers, resource, shadow } = loadConfiguration({
    ...ALL,
    AUTH_PROVIDER: 'auth0',
    AUTH_SHADOW: 'introspection',
  })
  const { fetch, requests } = createProvider({})
  const { context } = createContext(fetch, { resource })
  const observed: unknown[] = []
  const { validator } = createProviders(providers, context, {
    shadow: shadow && { configuration: shadow, onObservation: seen => observed.push(seen) },
    findApiKey: sha256 => (keys[sha256] ? { id: 'ci', sha256, owner: keys[sha256], scopes: [] } : undefined),
  })
  return { validator, requests, observed }
}

it('an API key is shown to nobody where none are accepted', async () => {
  expect(await hostsAsked(API_KEY, 'introspection')).toEqual([])
  expect(await hostsAsked('some-token', 'introspection')).toEqual(['as.example.com'])
})

it('an API key works beside a shadow that takes any opaque token, and is not shown to it', async () => {
  const { validator, requests, observed } = withShadow({ [hash('sha256', API_KEY, 'hex')]: 'ci@acme' })
  expect(await validator.validate(API_KEY)).toMatchObject({ subject: 'ci@acme' })
  expect((await refusalOf(validator.validate(`${API_KEY}x`))).reason.kind).toBe('token_malformed')
  expect([requests, observed]).toEqual([[], []])
})
