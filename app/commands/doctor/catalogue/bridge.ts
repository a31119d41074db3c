import type { CatalogueEntry } from './entry.ts'

/** What is found at the provider behind a bridge, and around it. */
export const bridge = {
  'bridge.unusable': {
    severity: 'error',
    title: 'The bridge cannot send people to the provider',
    expected: 'metadata of the provider, and its authorization endpoint',
    cure: 'Check AUTH_METADATA_URL, the DNS and firewall of this machine, and HTTPS_PROXY. Until then nobody can sign in.',
  },
  'bridge.client_refused': {
    severity: 'error',
    title: 'The provider does not accept the bridge as its client',
    expected: 'BRIDGE_CLIENT_ID and its secret or key, accepted at the token endpoint',
    cure: 'Compare BRIDGE_CLIENT_ID and its secret, key or certificate (BRIDGE_CLIENT_SECRET, BRIDGE_CLIENT_KEY) with the application at the provider: they expire, and of Entra ID the Value of a secret is needed, not its Secret ID. Allow the application the grant type refresh_token, and client_secret_post, client_secret_basic or private_key_jwt.',
  },
  'bridge.request_refused': {
    severity: 'error',
    title: 'The provider refuses the sign-in that the bridge asks for',
    expected: 'the sign-in page of the provider',
    cure: 'Register the redirect URI that is named above at the provider, letter by letter, and check BRIDGE_SCOPES and BRIDGE_PARAMETERS.',
  },
  'bridge.scope_unsupported': {
    severity: 'warning',
    title: 'BRIDGE_SCOPES asks for scopes that the provider does not list',
    expected: 'scopes of scopes_supported',
    cure: 'Correct the names, or remove them: many providers refuse the whole sign-in. Leave a scope that works although it is not listed.',
  },
  'bridge.refresh_missing': {
    severity: 'warning',
    title: 'The provider gives the bridge nothing to ask about people later',
    expected: 'offline_access in scopes_supported, or refresh_token in grant_types_supported',
    cure: 'Allow refresh tokens for the application at the provider. Otherwise people sign in again every BRIDGE_MAX_AGE_SECONDS, and somebody who was removed keeps access for as long.',
  },
  'bridge.documents_unreachable': {
    severity: 'warning',
    title: 'Documents of clients (CIMD) cannot be fetched from here',
    expected: 'https to public hosts, directly or through HTTPS_PROXY',
    cure: 'Clients that publish a document would wait in vain. Open the firewall or set HTTPS_PROXY, name the hosts in CIMD_ALLOWED_HOSTS, or set CIMD=off, so that clients register instead.',
  },
  'bridge.store_memory': {
    severity: 'note',
    title: 'A restart makes the bridge forget everybody',
    expected: 'a store that outlives the process',
    cure: 'Set AUTH_DATA_DIR for processes of one machine, REDIS_URL, or AUTH_STORE=postgres with DATABASE_URL, and BRIDGE_KEYS. npm start and idplug gateway keep a file in .idplug without being told, unless NODE_ENV is production or AUTH_STORE is memory.',
  },
  'bridge.store_unusable': {
    severity: 'error',
    title: 'The store cannot do what the authorization server needs',
    expected: 'a store that can be reached, takes writes, and allows every command that is used',
    cure: 'Mend what is named above: the address, the permissions of the user of the store, a replica that takes no writes, or tables that idplug store migrate makes.',
  },
} as const satisfies Record<string, CatalogueEntry>
