import { describe, expect, it } from 'vitest'
import { importIn, packagesOf } from './imported.ts'

const CREATE_AUTH = `const { createAuth } = await import('idplug')
  const declaration = { name: 'A', resource: 'https://b.example/mcp', scopes: {} }
  const auth = createAuth(declaration, { env: { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'a.eu.auth0.com', ...globalThis.more } })`

describe('importing the library', () => {
  it('loads 30 modules at most for idplug/core and idplug/fetch, and lru-cache alone', async () => {
    const { modules } = await importIn("await import('idplug/core'); await import('idplug/fetch')", 'modules')
    expect(packagesOf(modules)).toEqual(['lru-cache'])
    expect(modules.length).toBeLessThanOrEqual(30)
  })

  it('loads what providers need for createAuth, and nothing else', async () => {
    const { modules } = await importIn(CREATE_AUTH, 'modules')
    expect(packagesOf(modules)).toEqual(['lru-cache', 'zod'])
  })

  it('loads openid-client with the first token to ask about', async () => {
    const introspection = `const { createIntrospectionValidator } = await import('idplug/core')
      const credentials = { method: 'client_secret_post', clientId: 'a', clientSecret: 'b' }
      const options = { issuer: 'https://127.0.0.1:9', introspectionEndpoint: 'https://127.0.0.1:9/i', credentials, audience: { audience: ['https://b.example'] } }
      const validator = createIntrospectionValidator(options, { resource: 'https://b.example' })`
    expect(packagesOf((await importIn(introspection, 'modules')).modules)).toEqual(['lru-cache'])
    const asked = `${introspection}\nawait validator.validate('opaque').catch(() => {})`
    expect(packagesOf((await importIn(asked, 'modules')).modules)).toEqual([
      'jose',
      'lru-cache',
      'oauth4webapi',
      'openid-client',
    ])
  })

  it('loads undici where a proxy is set, at the first request', async () => {
    const request = 'await auth.ready().catch(() => {})'
    const proxied = `globalThis.more = { HTTPS_PROXY: 'http://127.0.0.1:9' }\n${CREATE_AUTH}\n${request}`
    expect(packagesOf((await importIn(proxied, 'modules')).modules)).toContain('undici')
  })
})
