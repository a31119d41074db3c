import { type AzureEmulatorOptions, createAzureEmulator } from '../../emulators/azure.ts'
import { RESOURCE, type RecordedProvider, type StandIn } from './declaration.ts'

const CONTOSO = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'
const FABRIKAM = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const LOGIN = 'https://login.microsoftonline.com'
const ANOTHER_APP = '0f8fad5b-d9cb-469f-a165-70867728950e'

async function emulate(options: AzureEmulatorOptions = {}) {
  const emulator = createAzureEmulator({ api: { appIdUri: RESOURCE }, ...options })
  return { emulator, origin: await emulator.start() }
}

/** One address plays the part of two hosts: v1 issuers are those of the other one. */
function renamed(origin: string): StandIn['rename'] {
  const endpoints = ['v2.0', 'discovery', 'oauth2', 'kerberos'].flatMap(path =>
    [CONTOSO, FABRIKAM].map(tenant => [`${origin}/${tenant}/${path}`, `${LOGIN}/${tenant}/${path}`] as const),
  )
  const v1Issuers = [CONTOSO, FABRIKAM].map(
    tenant => [`${origin}/${tenant}/`, `https://sts.windows.net/${tenant}/`] as const,
  )
  return [[origin, LOGIN], ...endpoints, ...v1Issuers]
}

export const azure: RecordedProvider = {
  provider: 'azure',
  // They tell tokens and sessions of a person apart.
  personalMembers: ['aio', 'rh', 'uti'],
  recordings: [
    {
      name: 'tenant',
      tokens: {
        user: 'accepted',
        'user-v1': 'accepted',
        'user-v1-slash': 'accepted',
        'user-v1-client-id': 'accepted',
        app: 'accepted',
        'app-v1': 'accepted',
        agent: 'accepted',
        'app-without-roles': 'azure.no_permissions',
        'id-token': 'id_token',
        'id-token-of-the-api': 'id_token',
        'id-token-unsigned': 'algorithm_refused',
        graph: 'azure.token_for_microsoft_api',
        'other-api': 'azure.wrong_audience',
        'other-tenant': 'azure.tenant_not_allowed',
        expired: 'expired',
        'unknown-key': 'key_unknown',
      },
      async standIn() {
        const { emulator, origin } = await emulate()
        const past = Math.floor(Date.now() / 1000) - 100_000
        const agent = { sub: `/eid1/c/pub/t/${CONTOSO}/a/agent`, idtyp: 'app', xms_act_fct: '11', xms_sub_fct: '11' }
        const tokens = {
          user: await emulator.mint({ scopes: ['notes:read'] }),
          'user-v1': await emulator.mint({ version: 1, claims: { aud: RESOURCE } }),
          'user-v1-slash': await emulator.mint({ version: 1, claims: { aud: `${RESOURCE}/` } }),
          'user-v1-client-id': await emulator.mint({ version: 1, claims: { aud: emulator.api.clientId } }),
          app: await emulator.mint({ user: null }),
          'app-v1': await emulator.mint({ user: null, version: 1 }),
          agent: await emulator.mint({ user: null, claims: agent }),
          'app-without-roles': await emulator.mint({ user: null, roles: [] }),
          'id-token': await emulator.mintIdToken(),
          'id-token-of-the-api': await emulator.mintIdToken({ claims: { aud: emulator.api.clientId } }),
          'id-token-unsigned': emulator.mintUnsignedIdToken(),
          graph: await emulator.mintGraphToken(),
          'other-api': await emulator.mint({ claims: { aud: ANOTHER_APP } }),
          'other-tenant': await emulator.mint({ user: 'finn@fabrikam.example' }),
          expired: await emulator.mint({ claims: { iat: past, nbf: past, exp: past + 3600 } }),
          'unknown-key': await emulator.mint({ header: { kid: 'c3RhbGUga2V5IGlkcyBr' } }),
        }
        return {
          emulator,
          env: { AUTH_METADATA_URL: `${origin}/${CONTOSO}/v2.0`, AZURE_CLIENT_ID: emulator.api.clientId },
          tokens,
          rename: renamed(origin),
        }
      },
    },
    {
      name: 'organizations',
      tokens: {
        'first-tenant': 'accepted',
        'second-tenant': 'accepted',
        'v1-client-id': 'accepted',
        'v1-app-id-uri': 'azure.wrong_audience',
        'tenant-not-listed': 'azure.tenant_not_allowed',
        'tenant-unlike-issuer': 'issuer_mismatch',
        'key-of-personal-accounts': 'azure.key_of_other_issuer',
      },
      async standIn() {
        const { emulator, origin } = await emulate()
        const stranger = '11111111-2222-4333-8444-555555555555'
        const tokens = {
          'first-tenant': await emulator.mint(),
          'second-tenant': await emulator.mint({ user: 'finn@fabrikam.example' }),
          'v1-client-id': await emulator.mint({ version: 1, claims: { aud: emulator.api.clientId } }),
          'v1-app-id-uri': await emulator.mint({ version: 1 }),
          'tenant-not-listed': await emulator.mint({ tenant: stranger }),
          'tenant-unlike-issuer': await emulator.mint({ claims: { tid: FABRIKAM } }),
          'key-of-personal-accounts': await emulator.mint({ key: emulator.consumerKeys.current }),
        }
        return {
          emulator,
          env: {
            AUTH_METADATA_URL: `${origin}/organizations/v2.0`,
            AZURE_CLIENT_ID: emulator.api.clientId,
            AZURE_ALLOWED_TENANTS: `${CONTOSO},${FABRIKAM}`,
          },
          tokens,
          rename: renamed(origin),
        }
      },
    },
  ],
}
