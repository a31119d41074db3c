import { createOktaEmulator } from '../../emulators/okta.ts'
import type { RecordedProvider, StandIn } from './declaration.ts'

const CUSTOM = '/oauth2/default/.well-known/openid-configuration'

async function started(
  env: (origin: string) => Record<string, string>,
): Promise<Omit<StandIn, 'tokens'> & { okta: ReturnType<typeof createOktaEmulator> }> {
  const okta = createOktaEmulator()
  const origin = await okta.start()
  return { okta, emulator: okta, env: env(origin), rename: [[origin, 'https://acme.okta.com']] }
}

export const okta: RecordedProvider = {
  provider: 'okta',
  // Ids of services are those of their clients; the start of a jti tells the kind of token.
  impersonal: /^(machine$|0oa\w+$|AT\.|ID\.)/,
  personalMembers: ['uid'],
  recordings: [
    {
      name: 'keys',
      tokens: {
        user: 'accepted',
        service: 'accepted',
        agent: 'okta.agent_token',
        'id-token': 'id_token',
        'other-audience': 'okta.audience_mismatch',
        'org-token': 'okta.org_token',
        dpop: 'sender_constrained',
        expired: 'expired',
        'unknown-key': 'key_unknown',
      },
      async standIn() {
        const { okta, ...standIn } = await started(origin => ({ AUTH_METADATA_URL: origin + CUSTOM }))
        const past = Math.floor(Date.now() / 1000) - 7200
        const tokens = {
          user: await okta.mint(),
          service: await okta.mint({ kind: 'service' }),
          agent: await okta.mint({ kind: 'agent' }),
          'id-token': await okta.mintIdToken(),
          'other-audience': await okta.mint({ claims: { aud: 'api://default' } }),
          'org-token': await okta.mint({ kind: 'org' }),
          dpop: await okta.mint({ claims: { cnf: { jkt: 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U' } } }),
          expired: await okta.mint({ claims: { iat: past, exp: past + 3600 } }),
          'unknown-key': await okta.mint({ header: { kid: 'c3RhbGUga2V5IGlkcyBr' } }),
        }
        return { ...standIn, tokens }
      },
    },
    {
      name: 'org-introspection',
      tokens: {
        user: 'accepted',
        'other-client': 'client_refused',
        'custom-token': 'inactive',
        'made-up': 'inactive',
      },
      async standIn() {
        const { okta, ...standIn } = await started(origin => ({
          AUTH_METADATA_URL: `${origin}/.well-known/oauth-authorization-server`,
          OKTA_CLIENT_IDS: 'native',
          OKTA_INTROSPECTION_CLIENT_ID: 'introspector',
          OKTA_INTROSPECTION_CLIENT_SECRET: 'introspector-secret',
        }))
        const tokens = {
          user: await okta.mint({ kind: 'org' }),
          'other-client': await okta.mint({ kind: 'org', clientId: 'other-app' }),
          'custom-token': await okta.mint(),
          'made-up': 'no-token-of-this-org',
        }
        return { ...standIn, tokens }
      },
    },
  ],
}
