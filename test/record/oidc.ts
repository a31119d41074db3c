import { createOidcEmulator, type OidcEmulatorOptions } from '../../emulators/oidc.ts'
import type { RecordedProvider, Recording } from './declaration.ts'

/** What every product is recorded with. */
const outcomes = {
  user: 'accepted',
  machine: 'accepted',
  expired: 'expired',
  'unknown-key': 'key_unknown',
} as const

function recording(
  name: string,
  options: OidcEmulatorOptions,
  env: Record<string, string>,
  more: Record<string, { outcome: string; claims: Record<string, unknown> }>,
): Recording {
  return {
    name,
    tokens: {
      ...outcomes,
      'id-token': 'OIDC_TYPES' in env ? 'type_mismatch' : 'id_token',
      ...Object.fromEntries(Object.entries(more).map(([label, { outcome }]) => [label, outcome])),
    },
    async standIn() {
      const emulator = createOidcEmulator(options)
      const origin = await emulator.start()
      const past = Math.floor(Date.now() / 1000) - 7200
      const tokens: Record<string, string> = {
        user: await emulator.mint(),
        machine: await emulator.mint({ user: null }),
        expired: await emulator.mint({ claims: { iat: past, exp: past + 3600 } }),
        'unknown-key': await emulator.mint({ header: { kid: 'c3RhbGUga2V5IGlkcyBr' } }),
        'id-token': await emulator.mintIdToken({ at_hash: 'oqkmsHGxBoChkrGu7rMzeA' }),
      }
      for (const [label, { claims }] of Object.entries(more)) tokens[label] = await emulator.mint({ claims })
      const metadata = `${emulator.issuer()}/.well-known/openid-configuration`
      return {
        emulator,
        env: { OIDC_METADATA_URL: metadata, ...env },
        tokens,
        rename: [[origin, 'https://id.example.com']],
      }
    },
  }
}

export const oidc: RecordedProvider = {
  provider: 'oidc',
  impersonal: /^(native|machine)$/,
  recordings: [
    recording(
      'rfc9068',
      {},
      { OIDC_TYPES: 'at+jwt' },
      {
        'other-audience': { outcome: 'oidc.audience_mismatch', claims: { aud: 'https://other.example.com/mcp' } },
      },
    ),
    recording(
      'keycloak',
      { product: 'keycloak' },
      { OIDC_SCOPE_CLAIMS: 'scope realm_access.roles' },
      {
        'no-mapper': { outcome: 'oidc.audience_missing', claims: { aud: undefined } },
        'account-only': { outcome: 'oidc.audience_mismatch', claims: { aud: 'account' } },
      },
    ),
    recording(
      'logto',
      { product: 'logto' },
      { OIDC_ALGORITHMS: 'ES384' },
      {
        'other-audience': { outcome: 'oidc.audience_mismatch', claims: { aud: 'https://other.example.com/mcp' } },
      },
    ),
  ],
}
