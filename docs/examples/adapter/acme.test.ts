import { generateKeyPairSync } from 'node:crypto'
import { describeTokenValidator } from 'idplug/testing/contract'
import { adapter } from './acme.ts'

const ISSUER = 'https://id.acme.example'
const NOW = Date.UTC(2026, 10, 1)

const claims = {
  iss: ISSUER,
  aud: 'https://mcp.example.com/mcp',
  sub: 'ada',
  uid: 'u-1001',
  app: 'desktop',
  workspace: 'w-7',
  permissions: ['notes:read'],
  exp: NOW / 1000 + 3600,
}

describeTokenValidator('acme', {
  tokens: 'jwt',
  async start() {
    const makeKey = (kid: string) => ({ kid, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) })
    let key = makeKey('1')
    const options = adapter.options.parse({ adapter: './acme.ts', metadataUrl: ISSUER, workspace: 'w-7' })
    return {
      resource: 'https://mcp.example.com/mcp',
      now: NOW,
      async fetch(input) {
        const { pathname } = new URL(String(input))
        if (pathname.startsWith('/.well-known/')) return Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys` })
        return Response.json({ keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid: key.kid }] })
      },
      createValidator: context => adapter.create(options, { ...context, secret: () => '' }),
      good: [{ header: { alg: 'ES256', kid: '1', typ: 'at+jwt' }, claims }],
      privateKey: () => key.privateKey,
      rotate() {
        key = makeKey('2')
        return key.kid
      },
      subjectClaim: 'uid',
      refused: {
        otherBinding: { claims: { aud: 'https://other.example.com' }, reason: 'audience_mismatch' },
        idToken: { header: { typ: 'JWT' }, reason: 'type_mismatch' },
        otherWorkspace: { claims: { workspace: 'w-8' }, reason: 'acme.other_workspace' },
      },
    }
  },
})
