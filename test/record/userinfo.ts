import { createOidcEmulator } from '../../emulators/oidc.ts'
import type { RecordedProvider } from './declaration.ts'

export const userinfo: RecordedProvider = {
  provider: 'userinfo',
  recordings: [
    {
      name: 'client-id',
      tokens: {
        user: 'accepted',
        'other-client': 'client_refused',
        expired: 'inactive',
        revoked: 'inactive',
        'made-up': 'inactive',
      },
      async standIn() {
        const emulator = createOidcEmulator({ tokens: 'opaque', userInfoClaims: ['client_id'] })
        const origin = await emulator.start()
        const revoked = await emulator.mint()
        emulator.revoke(revoked)
        const tokens = {
          user: await emulator.mint(),
          'other-client': await emulator.mint({ clientId: 'other-app' }),
          expired: await emulator.mint({ claims: { exp: Math.floor(Date.now() / 1000) - 60 } }),
          revoked,
          'made-up': 'no-token-of-this-server',
        }
        return {
          emulator,
          env: {
            USERINFO_METADATA_URL: `${origin}/.well-known/openid-configuration`,
            USERINFO_CLIENT_IDS: 'native',
            USERINFO_GRANT_SCOPES: 'notes:read',
            USERINFO_GRANT_TO: 'everyone',
          },
          tokens,
          rename: [[origin, 'https://as.example.com']],
        }
      },
    },
  ],
}
