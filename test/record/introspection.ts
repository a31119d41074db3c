import { createOidcEmulator } from '../../emulators/oidc.ts'
import type { RecordedProvider } from './declaration.ts'

export const introspection: RecordedProvider = {
  provider: 'introspection',
  impersonal: /^(native|machine)$/,
  recordings: [
    {
      name: 'rfc7662',
      tokens: {
        user: 'accepted',
        machine: 'accepted',
        'no-subject': 'subject_missing',
        'other-audience': 'audience_mismatch',
        'no-audience': 'audience_missing',
        'other-issuer': 'issuer_mismatch',
        dpop: 'sender_constrained',
        revoked: 'inactive',
        'made-up': 'inactive',
      },
      async standIn() {
        const emulator = createOidcEmulator({ tokens: 'opaque' })
        const origin = await emulator.start()
        const revoked = await emulator.mint()
        emulator.revoke(revoked)
        const tokens = {
          user: await emulator.mint(),
          machine: await emulator.mint({ user: null, claims: { sub: undefined } }),
          'no-subject': await emulator.mint({ claims: { sub: undefined, username: 'made-up-ada' } }),
          'other-audience': await emulator.mint({ claims: { aud: 'https://other.example.com/mcp' } }),
          'no-audience': await emulator.mint({ claims: { aud: undefined } }),
          'other-issuer': await emulator.mint({ claims: { iss: 'https://other-issuer.example' } }),
          dpop: await emulator.mint({ claims: { cnf: { jkt: 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U' } } }),
          revoked,
          'made-up': 'no-token-of-this-server',
        }
        return {
          emulator,
          env: {
            INTROSPECTION_METADATA_URL: `${origin}/.well-known/oauth-authorization-server`,
            INTROSPECTION_CLIENT_ID: 'introspector',
            INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
            INTROSPECTION_TOKENS_WITHOUT_SUBJECT: 'client',
          },
          tokens,
          rename: [[origin, 'https://as.example.com']],
        }
      },
    },
  ],
}
