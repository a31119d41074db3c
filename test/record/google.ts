import { createGoogleEmulator } from '../../emulators/google.ts'
import { RESOURCE, type RecordedProvider } from './declaration.ts'

const CLIENT_ID = '123456789012-emulator.apps.googleusercontent.com'
const ROBOT = 'robot@project.iam.gserviceaccount.com'
// Of another domain than the MCP server, which would be redacted with it.
const USER = {
  login: 'ada',
  sub: '110000000000000000001',
  email: 'ada@corp.example',
  emailVerified: true,
  hostedDomain: 'corp.example',
}

export const google: RecordedProvider = {
  provider: 'google',
  tokenPrefix: /^ya29\.(c\.)?/,
  // Service accounts.
  impersonal: /^.*\.gserviceaccount\.com$/,
  recordings: [
    {
      name: 'tokeninfo',
      tokens: {
        user: 'accepted',
        'user-offline': 'accepted',
        'other-client': 'google.other_client',
        'no-profile-scope': 'google.subject_missing',
        'no-email-scope': 'google.scope_missing',
        expired: 'inactive',
        revoked: 'inactive',
        'made-up': 'inactive',
        'service-account': 'google.service_account_token',
        'id-token': 'google.id_token',
      },
      async standIn() {
        const emulator = createGoogleEmulator({ users: [USER] })
        const origin = await emulator.start()
        const other = '987654321098-other.apps.googleusercontent.com'
        const revoked = emulator.mint()
        emulator.revoke(revoked)
        const tokens = {
          user: emulator.mint(),
          'user-offline': emulator.mint({ access_type: 'offline' }),
          'other-client': emulator.mint({ aud: other, azp: other }),
          'no-profile-scope': emulator.mint({}, ['https://www.googleapis.com/auth/drive.readonly']),
          'no-email-scope': emulator.mint({}, ['openid']),
          expired: emulator.mint({ exp: String(Math.floor(Date.now() / 1000) - 60) }),
          revoked,
          'made-up': 'ya29.a0AfB_made-up',
          'service-account': emulator.mintForServiceAccount(),
          'id-token': await emulator.mintUserIdToken(),
        }
        return { emulator, env: env(origin, { GOOGLE_REQUIRED_SCOPES: 'email' }), tokens, rename: rename(origin) }
      },
    },
    {
      name: 'service-accounts',
      tokens: {
        robot: 'accepted',
        'robot-without-scheme': 'accepted',
        'other-audience': 'audience_mismatch',
        'not-listed': 'google.service_account_refused',
        'life-too-long': 'claim_invalid',
        expired: 'expired',
        'of-a-user': 'google.user_id_token',
      },
      async standIn() {
        const emulator = createGoogleEmulator({ users: [USER] })
        const origin = await emulator.start()
        const now = Math.floor(Date.now() / 1000)
        const other = 'other@project.iam.gserviceaccount.com'
        const tokens = {
          robot: await emulator.mintIdToken(RESOURCE),
          'robot-without-scheme': await emulator.mintIdToken(RESOURCE, { iss: new URL(origin).host }),
          'other-audience': await emulator.mintIdToken('https://other.example.com/mcp'),
          'not-listed': await emulator.mintIdToken(RESOURCE, { email: other }),
          'life-too-long': await emulator.mintIdToken(RESOURCE, { exp: now + 90_000 }),
          expired: await emulator.mintIdToken(RESOURCE, { iat: now - 7200, exp: now - 3600 }),
          'of-a-user': await emulator.mintUserIdToken(),
        }
        return { emulator, env: env(origin, { GOOGLE_SERVICE_ACCOUNTS: ROBOT }), tokens, rename: rename(origin) }
      },
    },
  ],
}

function env(origin: string, more: Readonly<Record<string, string>>): Record<string, string> {
  return {
    AUTH_METADATA_URL: `${origin}/.well-known/openid-configuration`,
    GOOGLE_TOKENINFO_URL: `${origin}/tokeninfo`,
    GOOGLE_CLIENT_IDS: CLIENT_ID,
    GOOGLE_GRANT_SCOPES: 'notes:read',
    GOOGLE_GRANT_TO: 'everyone',
    ...more,
  }
}

function rename(origin: string): [from: string, to: string][] {
  return [
    [`${origin}/tokeninfo`, 'https://oauth2.googleapis.com/tokeninfo'],
    [`${origin}/oauth2/v3/certs`, 'https://www.googleapis.com/oauth2/v3/certs'],
    [origin, 'https://accounts.google.com'],
    [new URL(origin).host, 'accounts.google.com'],
  ]
}
