import { createAuth0Emulator } from '../../../emulators/auth0.ts'
import { createAzureEmulator } from '../../../emulators/azure.ts'
import type { Emulator } from '../../../emulators/core/emulator.ts'
import { createGithubEmulator } from '../../../emulators/github.ts'
import { createGoogleEmulator } from '../../../emulators/google.ts'
import { createOidcEmulator } from '../../../emulators/oidc.ts'
import { createOktaEmulator } from '../../../emulators/okta.ts'
import { CLIENT } from './support.ts'

const TENANT = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'

/** A provider that a bridge can stand in front of, emulated. */
export interface BridgedProvider {
  /** Knows the client of the bridge by its redirect URI. */
  create(redirectUri: string): Emulator
  settings(origin: string): Record<string, string>
  /** A person there, as they sign in. */
  login: string
  /** Of the user that the MCP server sees, given the host of the provider. */
  subject(host: string): string
}

const openId = (name: string, path = '') => ({
  settings: (origin: string) => ({
    AUTH_PROVIDER: name,
    AUTH_METADATA_URL: `${origin}${path}/.well-known/openid-configuration`,
  }),
})

export const providers: Readonly<Record<string, BridgedProvider>> = {
  google: {
    ...openId('google'),
    create: uri => createGoogleEmulator({ clients: [{ ...CLIENT, type: 'web', redirectUris: [uri] }] }),
    login: 'ada',
    subject: () => 'google:110000000000000000001',
  },
  azure: {
    ...openId('azure', `/${TENANT}/v2.0`),
    create: uri => createAzureEmulator({ clients: [{ ...CLIENT, redirectUris: [uri] }] }),
    login: 'ada@contoso.example',
    subject: () => `azure:${TENANT}:690222be-ff1a-4d56-abd1-7e4f7d38e474`,
  },
  auth0: {
    ...openId('auth0'),
    create: uri => createAuth0Emulator({ clients: [{ ...CLIENT, redirectUris: [uri] }] }),
    login: 'ada',
    subject: host => `auth0:${host}/:auth0|64b6f2a1c0ffee0000000001`,
  },
  okta: {
    ...openId('okta', '/oauth2/default'),
    create: uri => createOktaEmulator({ clients: [{ ...CLIENT, redirectUris: [uri] }] }),
    login: 'ada@example.com',
    subject: host => `okta:${host}/oauth2/default:`,
  },
  oidc: {
    ...openId('oidc'),
    create: uri => createOidcEmulator({ clients: [{ ...CLIENT, redirectUris: [uri] }] }),
    login: 'ada',
    subject: host => `oidc:${host}:7b9f2c64-0000-4000-8000-000000000001`,
  },
  github: {
    settings: origin => ({ AUTH_PROVIDER: 'github', AUTH_METADATA_URL: origin }),
    create: uri => createGithubEmulator({ clients: [{ ...CLIENT, kind: 'oauth', redirectUris: [uri] }] }),
    login: 'ada',
    subject: host => `github:${host}:1001`,
  },
}
