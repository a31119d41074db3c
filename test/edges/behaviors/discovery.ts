import { expect } from 'vitest'
import type { Behavior } from '../edge-fixture.ts'
import { expectRefusal } from '../expect-refusal.ts'

const RESOURCE_METADATA = '/.well-known/oauth-protected-resource'
const SERVER_METADATA = '/.well-known/oauth-authorization-server'

/** Places of documents that web pages of every origin may read without a token. */
const places = [
  ['the resource metadata at the path of the endpoint', `${RESOURCE_METADATA}/mcp`],
  ['the resource metadata at the root', RESOURCE_METADATA],
  ['the metadata of the authorization server at the path of the endpoint', `${SERVER_METADATA}/mcp`],
  ['the metadata of the authorization server at the root', SERVER_METADATA],
] as const

export const discovery: readonly Behavior[] = [
  ...places.map(
    ([name, path]): Behavior => ({
      name: `serves ${name}`,
      async run(makeWorld) {
        const { send, issuer } = await makeWorld()
        const { status, headers, json } = await send({ path, headers: { origin: 'https://anybody.example' } })
        expect(status).toBe(200)
        expect(headers['content-type']).toMatch(/^application\/json/)
        expect(headers['access-control-allow-origin']).toBe('*')
        expect(headers['cache-control']).toBe('public, max-age=300')
        expect(json()).toMatchObject(
          path.startsWith(RESOURCE_METADATA)
            ? {
                resource: 'https://mcp.example.com/mcp',
                resource_name: 'Files',
                authorization_servers: [issuer.issuer],
                scopes_supported: ['files:read', 'files:write', 'files:share'],
                bearer_methods_supported: ['header'],
              }
            : {
                issuer: issuer.issuer,
                authorization_endpoint: `${issuer.issuer}/authorize`,
                token_endpoint: `${issuer.issuer}/token`,
                jwks_uri: `${issuer.issuer}/jwks`,
                response_types_supported: ['code'],
                code_challenge_methods_supported: ['S256'],
              },
        )
      },
    }),
  ),
  ...places.map(
    ([name, path]): Behavior => ({
      name: `answers preflight, HEAD and other methods where it serves ${name}`,
      async run(makeWorld) {
        const { send } = await makeWorld()
        const preflight = await send({
          method: 'OPTIONS',
          path,
          headers: { origin: 'https://anybody.example', 'access-control-request-method': 'GET' },
        })
        expect([preflight.status, preflight.text]).toEqual([204, ''])
        expect(preflight.headers['access-control-allow-methods']).toBe('GET, HEAD, OPTIONS')
        const head = await send({ method: 'HEAD', path })
        expect([head.status, head.text]).toEqual([200, ''])
        const post = await send({ method: 'POST', path })
        expectRefusal(post, { status: 405, error: 'method_not_allowed' })
        expect(post.headers.allow).toBe('GET, HEAD, OPTIONS')
      },
    }),
  ),
  {
    name: 'answers 503 for the metadata of an authorization server that is away, and still says which one it is',
    async run(makeWorld) {
      const { send, issuer } = await makeWorld()
      issuer.goDown()
      const received = await send({ path: SERVER_METADATA })
      expectRefusal(received, { status: 503, error: 'temporarily_unavailable' })
      expect(Number(received.headers['retry-after'])).toBeGreaterThan(0)
      const { status, json } = await send({ path: RESOURCE_METADATA })
      expect([status, json()]).toEqual([200, expect.objectContaining({ authorization_servers: [issuer.issuer] })])
    },
  },
  {
    name: 'answers the preflight of a web page with what it asks for',
    async run(makeWorld) {
      const { send, seen } = await makeWorld()
      const { status, text, headers } = await send({
        method: 'OPTIONS',
        headers: {
          origin: 'https://anybody.example',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,mcp-protocol-version',
        },
      })
      expect([status, text]).toEqual([204, ''])
      expect(headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': expect.stringMatching(/GET.*POST.*DELETE/),
        'access-control-allow-headers': 'authorization,content-type,mcp-protocol-version',
        'access-control-max-age': expect.stringMatching(/^\d+$/),
      })
      expect(seen).toEqual([])
    },
  },
  {
    name: 'leaves other paths below /.well-known to the rest of the server',
    async run(makeWorld) {
      const { send } = await makeWorld()
      expect((await send({ path: `${RESOURCE_METADATA}/mcp/more` })).status).toBe(404)
    },
  },
]
