import { createGithubEmulator, type GithubApp } from '../../emulators/github.ts'
import type { RecordedProvider, Recording } from './declaration.ts'

const OAUTH_APP = { clientId: 'Ov23liEmulatedOAuth0', clientSecret: 'e'.repeat(40), kind: 'oauth' } as const
const GITHUB_APP = { clientId: 'Iv23liEmulatedApp000', clientSecret: 'a'.repeat(40), kind: 'github' } as const

export const github: RecordedProvider = {
  provider: 'github',
  tokenPrefix: /^(gh[a-z]|github_pat)_/,
  personalMembers: ['id', 'token_last_eight', 'hashed_token'],
  recordings: [recordingOf('oauth-app', OAUTH_APP, GITHUB_APP), recordingOf('github-app', GITHUB_APP, OAUTH_APP)],
}

function recordingOf(name: string, app: GithubApp, other: GithubApp): Recording {
  return {
    name,
    tokens: {
      user: 'accepted',
      'other-app': 'github.not_ours',
      revoked: 'github.not_ours',
      'made-up': 'github.not_ours',
      'personal-access-token': 'github.personal_access_token',
      'refresh-token': 'github.refresh_token',
    },
    async standIn() {
      const emulator = createGithubEmulator({ clients: [app, other], users: [{ login: 'ada-lovelace', id: 1001 }] })
      const origin = await emulator.start()
      const revoked = emulator.mint()
      emulator.revoke(revoked)
      const tokens = {
        user: emulator.mint(),
        'other-app': emulator.mint({}, other.clientId),
        revoked,
        'made-up': 'gho_0123456789abcdefghijABCDEFGHIJ012345',
        'personal-access-token': 'ghp_0123456789abcdefghijABCDEFGHIJ012345',
        'refresh-token': 'ghr_0123456789abcdefghijABCDEFGHIJ012345',
      }
      return {
        emulator,
        env: {
          AUTH_METADATA_URL: `${origin}/.well-known/oauth-authorization-server/login/oauth`,
          GITHUB_CLIENT_ID: app.clientId,
          GITHUB_CLIENT_SECRET: app.clientSecret,
          GITHUB_GRANT_SCOPES: 'notes:read',
          GITHUB_GRANT_TO: 'everyone',
        },
        tokens,
        rename: [
          [`${origin}/api/v3`, 'https://api.github.com'],
          [origin, 'https://github.com'],
        ],
      }
    },
  }
}
