import { lookup } from 'node:dns'
import { Agent, fetch as undiciFetch } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createProviders } from '../../auth/providers.ts'
import { loadConfiguration } from '../../config/load.ts'
import { createAuthorizationServer } from '../../demo-as/server.ts'
import { ConfigError } from '../../src/config-error.ts'
import { basic, createClient, notes, RESOURCE, RS } from '../demo-as/support.ts'
import { freePort, listen } from '../support/http.ts'

const machine = {
  client_id: 'nightly',
  client_secret: 'nightly-job-secret',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  scope: 'notes:read',
}

/** Every name leads to this machine. */
const localAgent = () =>
  new Agent({ connect: { lookup: (_host, options, done) => lookup('127.0.0.1', options, done) } })

/** As inside a network of containers: `authorization-server` is the name of a host, and localhost is another machine. */
function containerFetch(asked: string[]): typeof globalThis.fetch {
  const dispatcher = localAgent()
  return (async (input: unknown, init: object) => {
    const url = new URL(String(input))
    asked.push(url.origin)
    if (url.hostname !== 'authorization-server')
      throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })
    return undiciFetch(url, { ...init, dispatcher })
  }) as typeof globalThis.fetch
}

async function startInContainer(accessTokenFormat: 'opaque' | 'jwt') {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const inside = `http://authorization-server:${port}`
  const server = await createAuthorizationServer({
    issuer: origin,
    internalUrl: inside,
    resources: [notes],
    clients: [machine as never],
    accessTokenFormat,
  })
  const { close } = await listen((request, response) => server.handler(request, response), port)
  onTestFinished(close)
  return { origin, inside, client: createClient(origin) }
}

describe.each(['opaque', 'jwt'] as const)('our authorization server in another container, %s tokens', format => {
  it('is asked by its name inside, and publishes the name outside', async () => {
    const { origin, inside, client } = await startInContainer(format)
    const { providers, resource, settings } = loadConfiguration({
      AUTH_MODE: 'separate',
      AUTH_SERVER_URL: origin,
      AUTH_SERVER_INTERNAL_URL: inside,
      AUTH_INSECURE_HOSTS: 'authorization-server',
      ACCESS_TOKEN_FORMAT: format,
      DEMO_RS_CLIENT_ID: RS.id,
      DEMO_RS_CLIENT_SECRET: RS.secret,
    })
    const asked: string[] = []
    const { validator } = createProviders(providers, {
      resource,
      fetch: containerFetch(asked),
      now: Date.now,
      insecureHosts: settings.AUTH_INSECURE_HOSTS,
    })
    const { json } = await client.token(
      { grant_type: 'client_credentials', scope: 'notes:read', resource: RESOURCE },
      { authorization: basic(machine.client_id, machine.client_secret) },
    )
    await validator.warmUp()
    expect(await validator.validate(json.access_token)).toMatchObject({ issuer: origin, subject: 'nightly' })
    expect(validator.issuers).toEqual([origin])
    // What clients of the oldest revisions read at this server's own address.
    expect(await validator.serverMetadata?.()).toMatchObject({
      issuer: origin,
      token_endpoint: `${origin}/oauth/token`,
    })
    expect(new Set(asked)).toEqual(new Set([inside]))
  })

  it('shows no page under that name, and answers under no other', async () => {
    const { inside } = await startInContainer(format)
    const statusOf = async (url: string) => (await undiciFetch(url, { dispatcher: localAgent() })).status
    expect(await statusOf(`${inside}/oauth/jwks`)).toBe(200)
    expect(await statusOf(`${inside}/oauth/authorize`)).toBe(421)
    expect(await statusOf(`${inside.replace('authorization', 'other')}/oauth/jwks`)).toBe(421)
  })
})

describe('AUTH_SERVER_INTERNAL_URL', () => {
  const env = {
    AUTH_MODE: 'separate',
    AUTH_SERVER_URL: 'http://localhost:3001',
    AUTH_SERVER_INTERNAL_URL: 'http://authorization-server:3001',
    AUTH_INSECURE_HOSTS: 'authorization-server',
  }
  const problems = (changes: Record<string, string>) => {
    try {
      loadConfiguration({ ...env, ...changes })
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return error.problems.map(({ setting, problem }) => `${setting} ${problem}`).join('\n')
    }
    return expect.fail('the configuration was accepted')
  }

  it.each([
    ['a server in the same process', { AUTH_MODE: 'beside' }, 'is for AUTH_MODE=separate'],
    ['another provider', { AUTH_PROVIDER: 'auth0', AUTH0_DOMAIN: 'a.auth0.com' }, 'is for AUTH_MODE=separate'],
    ['a path', { AUTH_SERVER_INTERNAL_URL: 'http://authorization-server:3001/' }, 'must be an origin'],
    ['a host that is not named', { AUTH_INSECURE_HOSTS: '' }, 'name it in AUTH_INSECURE_HOSTS'],
  ])('is refused for %s', (_what, changes, problem) => {
    expect(problems(changes)).toMatch(new RegExp(`^AUTH_SERVER_INTERNAL_URL .*${problem}`, 'm'))
  })
})
