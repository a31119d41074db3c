import { createIntrospectionValidator } from '../../src/engines/introspection.ts'
import { createJwtValidator } from '../../src/engines/jwt.ts'
import { describeTokenValidator } from '../../src/testing/contract.ts'
import { CLAIMS, createKey, createProvider, ISSUER, NOW, RESOURCE } from './support.ts'

describeTokenValidator('the JWT engine', {
  tokens: 'jwt',
  async start() {
    let key = createKey('key-1')
    const { fetch } = createProvider({
      'https://as.example.com/.well-known/oauth-authorization-server': () =>
        Response.json({ issuer: ISSUER, jwks_uri: 'https://as.example.com/jwks' }),
      'https://as.example.com/jwks': () => Response.json({ keys: [key.jwk] }),
    })
    return {
      resource: RESOURCE,
      now: NOW * 1000,
      fetch,
      createValidator: context =>
        createJwtValidator({ issuer: ISSUER, audience: { audience: [RESOURCE] }, types: ['at+jwt'] }, context),
      good: [
        { header: { alg: 'ES256', kid: 'key-1', typ: 'at+jwt' }, claims: CLAIMS },
        {
          header: { alg: 'ES256', kid: 'key-1', typ: 'application/at+JWT' },
          claims: { ...CLAIMS, aud: ['https://as.example.com/userinfo', RESOURCE], nbf: 0 },
        },
      ],
      privateKey: () => key.privateKey,
      rotate() {
        key = createKey('key-2')
        return key.kid
      },
      refused: {
        otherBinding: { claims: { aud: 'https://other.example.com/mcp' }, reason: 'audience_mismatch' },
        noAudience: { claims: { aud: undefined }, reason: 'audience_missing' },
        idToken: { header: { typ: 'JWT' }, claims: { aud: 'client-1' }, reason: 'type_mismatch' },
      },
    }
  },
})

describeTokenValidator('the introspection engine', {
  tokens: 'opaque',
  async start() {
    const answer = { active: true, ...CLAIMS, token_type: 'Bearer' }
    const answers: Record<string, object> = {
      good: answer,
      'good-without-expiry': { ...answer, exp: undefined, iss: undefined, token_type: 'bearer' },
      'other-audience': { ...answer, aud: 'https://other.example.com/mcp' },
      'no-audience': { ...answer, aud: undefined },
      'other-issuer': { ...answer, iss: 'https://issuer.example' },
      'other-issuer-slash': { ...answer, iss: `${ISSUER}/` },
      expired: { ...answer, exp: NOW - 60 },
      'not-yet': { ...answer, nbf: NOW + 60 },
      dpop: { ...answer, token_type: 'DPoP' },
      mtls: { ...answer, cnf: { 'x5t#S256': 'thumbprint' } },
      refresh: { ...answer, token_type: 'refresh_token' },
      nobody: { ...answer, sub: undefined },
      'empty-subject': { ...answer, sub: '' },
    }
    const { fetch } = createProvider({
      'https://as.example.com/.well-known/oauth-authorization-server': () =>
        Response.json({ issuer: ISSUER, introspection_endpoint: 'https://as.example.com/introspect' }),
      'https://as.example.com/introspect': async request => {
        const token = new URLSearchParams(await request.text()).get('token') ?? ''
        return Response.json(answers[token] ?? { active: false })
      },
    })
    return {
      resource: RESOURCE,
      now: NOW * 1000,
      fetch,
      createValidator: context =>
        createIntrospectionValidator(
          {
            issuer: ISSUER,
            audience: { audience: [RESOURCE] },
            credentials: { method: 'client_secret_basic', clientId: 'mcp-server', clientSecret: 'secret' },
          },
          context,
        ),
      good: ['good', 'good-without-expiry'],
      refused: {
        unknown: { token: 'never-issued', reason: 'inactive' },
        otherBinding: { token: 'other-audience', reason: 'audience_mismatch' },
        noSubject: { token: 'nobody', reason: 'subject_missing' },
        emptySubject: { token: 'empty-subject', reason: 'claim_invalid' },
        noAudience: { token: 'no-audience', reason: 'audience_missing' },
        otherIssuer: { token: 'other-issuer', reason: 'issuer_mismatch' },
        otherIssuerSlash: { token: 'other-issuer-slash', reason: 'issuer_mismatch' },
        expired: { token: 'expired', reason: 'expired' },
        notYetValid: { token: 'not-yet', reason: 'not_yet_valid' },
        dpop: { token: 'dpop', reason: 'sender_constrained' },
        mtls: { token: 'mtls', reason: 'sender_constrained' },
        refreshToken: { token: 'refresh', reason: 'type_mismatch' },
      },
    }
  },
})
