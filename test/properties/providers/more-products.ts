import {
  audience,
  bad,
  client,
  harmless,
  ignored,
  issuer,
  listedClient,
  oneOf,
  otherKinds,
  scopes,
  subject,
} from '../changes/claims.ts'
import { onlyRs256 } from '../changes/token.ts'
import type { ChangeFamily } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { keys } from '../signing.ts'
import { NOW } from '../values.ts'
import { product, without } from './products.ts'

// Settings and tokens as docs/providers/presets.md and the emulators have them.

const ADA = '7b9f2c64-0000-4000-8000-000000000001'
const WORKOS = 'https://acme.authkit.app'

const workos = product('workos', {
  env: { WORKOS_AUTHKIT_DOMAIN: 'acme.authkit.app' },
  issuer: WORKOS,
  metadataUrl: `${WORKOS}/.well-known/oauth-authorization-server`,
  claims: { sub: 'user_01', aud: RESOURCE, client_id: 'client_01', sid: 'session_01', jti: '01', scope: 'openid' },
  expected: { issuer: WORKOS, subject: 'user_01', clientId: 'client_01', scopes: ['openid'] },
  changes: [
    ...issuer(WORKOS, ['https://api.workos.com/user_management/client_01', 'https://other.authkit.app']),
    ...subject(),
    ...audience([RESOURCE, `${RESOURCE}/`], ['client_01']),
    ...client('client_id', 'azp'),
    ...scopes('scope'),
    ...otherKinds,
    ...ignored('sid', 'jti', 'org_id', 'role', 'roles', 'permissions', 'act'),
  ],
})

const DESCOPE = 'https://api.descope.com/v1/apps/P2abcdefghij'

const descope = product('descope', {
  env: { DESCOPE_PROJECT_ID: 'P2abcdefghij' },
  issuer: DESCOPE,
  claims: { sub: 'U2abc', aud: ['P2abcdefghij'], client_id: 'native', scope: 'notes:read' },
  expected: { issuer: DESCOPE, subject: 'U2abc', clientId: 'native', scopes: ['notes:read'] },
  changes: [
    ...issuer(DESCOPE, [
      'https://api.descope.com/P2abcdefghij',
      'https://api.descope.com/v1/apps/agentic/P2abcdefghij/MS1',
      'https://api.descope.com/v1/apps/P2other',
    ]),
    ...subject(),
    ...audience(['P2abcdefghij'], ['P2other', RESOURCE]),
    ...client('client_id', 'azp'),
    ...scopes('scope'),
    ...otherKinds,
    ...ignored('amr', 'drn', 'rexp', 'dct', 'tenants', 'permissions', 'roles'),
  ],
})

const SUPABASE = 'https://abcdefghijklmnopqrst.supabase.co/auth/v1'

/** `aud` is the same for everybody: sessions of the project's own apps differ by the client alone, which they lack. */
const supabase = product('supabase', {
  env: { SUPABASE_PROJECT_REF: 'abcdefghijklmnopqrst', SUPABASE_CLIENT_IDS: 'native' },
  issuer: SUPABASE,
  key: keys.ec,
  claims: {
    sub: ADA,
    aud: 'authenticated',
    client_id: 'native',
    role: 'authenticated',
    aal: 'aal1',
    session_id: 's1',
    email: 'ada@example.com',
    is_anonymous: false,
  },
  expected: { issuer: SUPABASE, subject: ADA, clientId: 'native', scopes: [] },
  changes: [
    ...issuer(SUPABASE, ['https://abcdefghijklmnopqrst.supabase.co', 'https://other.supabase.co/auth/v1']),
    ...subject(),
    ...audience(['authenticated'], ['anon', RESOURCE]),
    ...listedClient('client_id', ['native']),
    ...otherKinds,
    ...ignored('azp', 'role', 'aal', 'session_id', 'email', 'phone', 'app_metadata', 'user_metadata', 'amr'),
  ],
})

const LOGTO = 'https://acme.logto.app/oidc'

const logto = product('logto', {
  env: { LOGTO_DOMAIN: 'acme.logto.app' },
  issuer: LOGTO,
  header: { typ: 'at+jwt' },
  key: keys.ec,
  claims: { sub: 'foo123', aud: RESOURCE, client_id: 'native', jti: 'j1', scope: 'notes:read notes:write' },
  expected: { issuer: LOGTO, subject: 'foo123', clientId: 'native', scopes: ['notes:read', 'notes:write'] },
  changes: [
    ...issuer(LOGTO, ['https://acme.logto.app', 'https://other.logto.app/oidc']),
    ...subject(),
    ...audience([RESOURCE, `${RESOURCE}/`], ['urn:logto:organization:1', 'native']),
    ...client('client_id', 'azp'),
    ...scopes('scope'),
    ...otherKinds,
    ...ignored('jti', 'organization_id', 'sid', 'grantId'),
  ],
})

const PING = 'https://auth.pingone.com/5b1f0c2e-0000-4000-8000-000000000001/as'

const ping = product('ping', {
  env: { PINGONE_ENVIRONMENT_ID: '5b1f0c2e-0000-4000-8000-000000000001' },
  issuer: PING,
  claims: {
    sub: ADA,
    aud: [RESOURCE],
    client_id: 'native',
    env: '5b1f0c2e',
    org: 'o1',
    sid: 's1',
    scope: 'notes:read',
  },
  expected: { issuer: PING, subject: ADA, clientId: 'native', scopes: ['notes:read'] },
  changes: [
    ...onlyRs256,
    ...issuer(PING, ['https://auth.pingone.eu/5b1f0c2e-0000-4000-8000-000000000001/as', PING.replace('/as', '')]),
    ...subject(),
    ...audience([RESOURCE, `${RESOURCE}/`], ['https://api.pingone.com', 'native']),
    ...client('client_id', 'azp'),
    ...scopes('scope'),
    ...otherKinds,
    ...ignored('env', 'org', 'sid', 'acr', 'p1.rid', 'auth_time'),
  ],
})

const AUTHENTIK = 'https://authentik.example.com/application/o/notes/'

/** An ID token with `azp` and `uid` besides, and with the nonce of the request. */
const authentik = product('authentik', {
  env: {
    AUTHENTIK_URL: 'https://authentik.example.com',
    AUTHENTIK_APPLICATION: 'notes',
    AUTHENTIK_CLIENT_ID: 'native',
  },
  issuer: AUTHENTIK,
  metadataUrl: `${AUTHENTIK}.well-known/openid-configuration`,
  claims: {
    sub: 'a'.repeat(64),
    aud: 'native',
    azp: 'native',
    uid: 'u1',
    nonce: 'n1',
    acr: 'goauthentik.io/providers',
  },
  expected: { issuer: AUTHENTIK, subject: 'a'.repeat(64), clientId: 'native', scopes: [] },
  changes: [
    ...issuer(AUTHENTIK, ['https://authentik.example.com/', 'https://authentik.example.com/application/o/other/']),
    ...subject(),
    ...audience(['native'], ['other', RESOURCE]),
    ...client('azp'),
    ...without(otherKinds, 'nonce'),
    ...ignored('nonce', 'uid', 'acr', 'amr', 'auth_time', 'email', 'groups', 'client_id'),
    ...bad(oneOf('at_hash', ['oqkmsHGxBoChkrGu7rMzeA'], 'refused')),
  ],
})

const TENANT = '775527ff-9a37-4307-8b3d-cc311f58d925'
const B2C = `https://acme.b2clogin.com/${TENANT}/v2.0/`
const API = '90c0fe63-bcf2-44d5-8fb7-b8bbc0b29dc6'

/** A scope of the API is spelled in full by clients, and in short by tokens; what is spelled in full is read alike. */
const prefixed: ChangeFamily[] = harmless(
  oneOf('scp', ['notes:read'], 'good', { expected: { scopes: ['notes:read'] } }),
)

const b2c = product('b2c', {
  env: {
    B2C_DOMAIN: 'acme.b2clogin.com',
    B2C_TENANT_ID: TENANT,
    B2C_POLICY: 'b2c_1_signin',
    B2C_CLIENT_ID: API,
    B2C_APP_ID_URI: 'https://acme.onmicrosoft.com/notes',
  },
  issuer: B2C,
  metadataUrl: `https://acme.b2clogin.com/${TENANT}/b2c_1_signin/v2.0/.well-known/openid-configuration`,
  claims: {
    sub: ADA,
    aud: API,
    azp: 'native',
    scp: 'notes:read',
    tfp: 'B2C_1_signin',
    ver: '1.0',
    nbf: NOW - 10,
    oid: ADA,
  },
  expected: { issuer: B2C, subject: ADA, clientId: 'native', scopes: ['notes:read'] },
  changes: [
    ...onlyRs256,
    ...issuer(B2C, [
      `https://acme.b2clogin.com/tfp/${TENANT}/b2c_1_signin/v2.0/`,
      `https://login.microsoftonline.com/${TENANT}/v2.0`,
      `https://acme.b2clogin.com/${ADA}/v2.0/`,
    ]),
    ...subject(),
    ...audience([API], ['native', 'https://acme.onmicrosoft.com/notes', RESOURCE]),
    ...client('azp'),
    ...prefixed,
    ...otherKinds,
    ...ignored('tfp', 'ver', 'oid', 'emails', 'idp', 'name', 'scope', 'client_id', 'auth_time'),
    ...harmless(oneOf('scp', [undefined, null], 'good', { expected: { scopes: [] } })),
  ],
})

export const moreProducts = [workos, descope, supabase, logto, ping, authentik, b2c]
