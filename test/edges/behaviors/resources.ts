import { expect } from 'vitest'
import { createAuth, createAuths } from '../../../auth/create-auth.ts'
import { createTestIssuer } from '../../../src/testing/index.ts'
import type { Behavior } from '../edge-fixture.ts'
import { callTool, files } from '../world.ts'

const mail = {
  resource: 'https://mcp.example.com/mail',
  name: 'Mail',
  scopes: { 'mail:read': 'Read your mail' },
  initialScopes: ['mail:read'],
} as const

/** `resource` of the metadata at a path. */
const METADATA = '/.well-known/oauth-protected-resource'

export const resources: readonly Behavior[] = [
  {
    name: 'protects several resources in one process, each with tokens and metadata of its own',
    async run(makeWorld) {
      const issuer = createTestIssuer()
      const auths = createAuths({ files, mail }, { env: {}, providers: [issuer.provider], observer: {} })
      const { post, send } = await makeWorld({
        mounted: [
          { path: '/mcp', auth: auths.files },
          { path: '/mail', auth: auths.mail },
        ],
      })
      const forFiles = await issuer.token({ audience: files.resource, scopes: ['files:read'] })
      const forMail = await issuer.token({ audience: mail.resource, scopes: ['mail:read'] })
      const statusOf = async (path: string, token: string) => (await post(callTool('any'), { path, token })).status
      expect([await statusOf('/mcp', forFiles), await statusOf('/mail', forMail)]).toEqual([200, 200])
      expect([await statusOf('/mail', forFiles), await statusOf('/mcp', forMail)]).toEqual([401, 401])
      const { headers } = await post(callTool('any'), { path: '/mail', token: '' })
      expect(headers['www-authenticate']).toBe(
        'Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mail", scope="mail:read"',
      )
      expect((await send({ path: `${METADATA}/mail` })).json()).toMatchObject({ resource: mail.resource })
      expect((await send({ path: `${METADATA}/mcp` })).json()).toMatchObject({ resource: files.resource })
      expect((await send({ path: METADATA })).json()).toMatchObject({ resource: files.resource })
    },
  },
  {
    name: 'stands below the path prefix of a public URL, whether a proxy strips it or not',
    async run(makeWorld) {
      const issuer = createTestIssuer()
      const env = { PUBLIC_URL: 'https://example.com/team-a' }
      const auth = createAuth({ ...files, resource: '/mcp' }, { env, providers: [issuer.provider], observer: {} })
      const { post, send } = await makeWorld({
        mounted: [
          { path: '/team-a/mcp', auth },
          { path: '/mcp', auth },
        ],
      })
      const token = await issuer.token({ scopes: ['files:read'] })
      for (const path of ['/team-a/mcp', '/mcp']) {
        expect((await post(callTool('whoami'), { path, token })).status).toBe(200)
        const refused = await post(callTool('whoami'), { path, token: '' })
        expect(refused.headers['www-authenticate']).toContain(`"https://example.com${METADATA}/team-a/mcp"`)
      }
      const metadata = await send({ path: `${METADATA}/team-a/mcp` })
      expect(metadata.json()).toMatchObject({ resource: 'https://example.com/team-a/mcp' })
    },
  },
  {
    name: 'goes by each of its public names, and takes a token for one at the other',
    async run(makeWorld) {
      const { post, send, issuer, seen } = await makeWorld({
        declaration: { ...files, publicUrls: ['https://other.example'] },
      })
      const headers = { host: 'other.example' }
      const refused = await post(callTool('whoami'), { token: '', headers })
      expect(refused.headers['www-authenticate']).toContain(`"https://other.example${METADATA}/mcp"`)
      const metadata = await send({ path: `${METADATA}/mcp`, headers })
      expect(metadata.json()).toMatchObject({ resource: 'https://other.example/mcp' })
      const token = await issuer.token({ audience: 'https://mcp.example.com/mcp', scopes: ['files:read'] })
      expect((await post(callTool('whoami'), { token, headers })).status).toBe(200)
      expect(String(seen[0]?.authInfo?.resource)).toBe('https://other.example/mcp')
    },
  },
]
