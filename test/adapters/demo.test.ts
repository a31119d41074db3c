import { demo } from '../../adapters/demo/index.ts'
import { describeTokenValidator } from '../../src/testing/contract.ts'
import { CLAIMS, createKey, createProvider, ISSUER, NOW, RESOURCE } from '../engines/support.ts'

const METADATA = `${ISSUER}/.well-known/oauth-authorization-server`
const parse = (accessTokenFormat: 'opaque' | 'jwt') =>
  demo.options.parse({
    adapter: 'demo',
    metadataUrl: METADATA,
    accessTokenFormat,
    clientId: 'mcp-server',
    clientSecretEnv: 'DEMO_RS_CLIENT_SECRET',
  })
const secret = () => 'secret'
const MACHINE = { ...CLAIMS, sub: 'client-1' }
const OTHER = 'https://other.example.com/mcp'

describeTokenValidator('the demo adapter, opaque tokens', {
  tokens: 'opaque',
  async start() {
    const answers: Record<string, object> = {
      person: { active: true, ...CLAIMS, username: 'ada' },
      machine: { active: true, ...MACHINE },
      nobody: { active: true, ...CLAIMS, sub: undefined },
      other: { active: true, ...CLAIMS, aud: OTHER },
    }
    const { fetch } = createProvider({
      [METADATA]: () => Response.json({ issuer: ISSUER, introspection_endpoint: `${ISSUER}/introspect` }),
      [`${ISSUER}/introspect`]: async request => {
        const token = new URLSearchParams(await request.text()).get('token') ?? ''
        return Response.json(answers[token] ?? { active: false })
      },
    })
    return {
      resource: RESOURCE,
      now: NOW * 1000,
      fetch,
      createValidator: context => demo.create(parse('opaque'), { ...context, secret }),
      good: ['person', 'machine'],
      refused: {
        unknown: { token: 'never-issued', reason: 'inactive' },
        otherBinding: { token: 'other', reason: 'audience_mismatch' },
        noSubject: { token: 'nobody', reason: 'subject_missing' },
      },
    }
  },
})

describeTokenValidator('the demo adapter, JWTs', {
  tokens: 'jwt',
  async start() {
    let key = createKey('key-1')
    const { fetch } = createProvider({
      [METADATA]: () => Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` }),
      [`${ISSUER}/jwks`]: () => Response.json({ keys: [key.jwk] }),
    })
    const header = { alg: 'ES256', kid: 'key-1', typ: 'at+jwt' }
    return {
      resource: RESOURCE,
      now: NOW * 1000,
      fetch,
      createValidator: context => demo.create(parse('jwt'), { ...context, secret }),
      good: [
        { header, claims: CLAIMS },
        { header, claims: MACHINE },
      ],
      privateKey: () => key.privateKey,
      rotate() {
        key = createKey('key-2')
        return key.kid
      },
      refused: {
        otherBinding: { claims: { aud: OTHER }, reason: 'audience_mismatch' },
        idToken: { header: { typ: 'JWT' }, reason: 'type_mismatch' },
      },
    }
  },
})
