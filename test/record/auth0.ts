import { createAuth0Emulator } from '../../emulators/auth0.ts'
import type { RecordedProvider } from './declaration.ts'

export const auth0: RecordedProvider = {
  provider: 'auth0',
  // The connection before the last |, and machines, which are their clients.
  impersonal: /^(?:.*\||.*@clients$)/,
  recordings: [
    {
      name: 'tenant',
      tokens: {
        user: 'accepted',
        'user-permissions': 'accepted',
        'user-rfc9068': 'accepted',
        'user-rfc9068-permissions': 'accepted',
        machine: 'accepted',
        'machine-rfc9068': 'accepted',
        'id-token': 'id_token',
        'no-api': 'auth0.no_api_requested',
        'other-api': 'auth0.other_api',
        'management-api': 'auth0.management_api_token',
        expired: 'expired',
        'unknown-key': 'key_unknown',
      },
      async standIn() {
        const emulator = createAuth0Emulator()
        const origin = await emulator.start()
        const past = Math.floor(Date.now() / 1000) - 100_000
        const tokens = {
          user: await emulator.mint({ claims: { org_id: 'org_5UpF9mCbGPX7yLqz' } }),
          'user-permissions': await emulator.mint({ dialect: 'access_token_authz' }),
          'user-rfc9068': await emulator.mint({ dialect: 'rfc9068_profile' }),
          'user-rfc9068-permissions': await emulator.mint({ dialect: 'rfc9068_profile_authz' }),
          machine: await emulator.mint({ user: null }),
          'machine-rfc9068': await emulator.mint({ user: null, dialect: 'rfc9068_profile', scopes: [] }),
          'id-token': await emulator.mintIdToken(),
          'no-api': emulator.mintOpaque(),
          'other-api': await emulator.mint({ audience: 'https://other.example.com/mcp' }),
          'management-api': await emulator.mint({ audience: `${origin}/api/v2/` }),
          expired: await emulator.mint({ claims: { iat: past, exp: past + 86_400 } }),
          'unknown-key': await emulator.mint({ header: { kid: 'c3RhbGUga2V5IGlkcyBr' } }),
        }
        return {
          emulator,
          env: { AUTH_METADATA_URL: `${origin}/.well-known/openid-configuration` },
          tokens,
          rename: [[origin, 'https://acme.eu.auth0.com']],
        }
      },
    },
  ],
}
