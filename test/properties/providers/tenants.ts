import fc from 'fast-check'
import { oidc as adapter } from '../../../adapters/oidc/index.ts'
import {
  audience,
  bad,
  beginning,
  client,
  expiry,
  harmless,
  issuer,
  otherKinds,
  subject,
  unknownClaims,
} from '../changes/claims.ts'
import { keyEndpoints } from '../changes/endpoints.ts'
import { tokenChanges, types } from '../changes/token.ts'
import type { Change, Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { type JwtDraft, jwtDraft, keys, present } from '../signing.ts'
import { NOW } from '../values.ts'
import { ANY_TYPE } from './oidc.ts'

const ACME = 'https://acme.example.com'
const GLOBEX = 'https://globex.example.com'
/** Its settings cannot be looked up now. */
const AWAY = 'https://away.example.com'
/** Its look-up gives the settings of somebody else. */
const MIXED_UP = 'https://mixed-up.example.com'

const metadataOf = (tenant: string) => `${tenant}/.well-known/oauth-authorization-server`

const settingsOf = (issuer: string) => ({
  adapter,
  options: { adapter: 'oidc', issuer, metadataUrl: metadataOf(issuer) },
})

function draftOf(tenant: string): JwtDraft {
  return jwtDraft({
    metadataUrl: metadataOf(tenant),
    issuer: tenant,
    header: { typ: 'at+jwt' },
    key: tenant === ACME ? keys.rsa : keys.otherRsa,
    claims: {
      iss: tenant,
      sub: 'user-1',
      aud: RESOURCE,
      client_id: 'client-1',
      scope: 'a',
      iat: NOW - 10,
      exp: NOW + 60,
    },
    expected: { issuer: tenant, subject: 'user-1', clientId: 'client-1', scopes: ['a'] },
  })
}

const isOfGlobex = new WeakSet<JwtDraft>()

const tenant = (name: string, verdict: Change['verdict'], make: (draft: JwtDraft) => void): Change<JwtDraft> => ({
  part: 'iss',
  also: ['signature', 'keySet', 'endpoint'],
  name,
  verdict,
  make,
})

const named = (iss: string, verdict: Change['verdict']) =>
  tenant(`the issuer is ${iss}`, verdict, draft => {
    draft.claims.iss = iss
  })

/** Providers that are looked up for each issuer: each token is judged by the settings and the keys of its own. */
export const tenants: Subject<JwtDraft> = {
  name: 'tenants',
  env: {},
  findTenant(iss) {
    if (iss === AWAY) throw new Error('the database is away')
    if (iss === ACME || iss === GLOBEX) return settingsOf(iss)
    return iss === MIXED_UP ? settingsOf(ACME) : undefined
  },
  draft: () => draftOf(ACME),
  changes: [
    ...tokenChanges,
    ...types(ANY_TYPE),
    ...keyEndpoints,
    ...issuer(ACME, [`${ACME}/`, 'https://acme.example', 'acme']),
    ...harmless(
      fc.constant(
        tenant('of another tenant', 'good', draft => {
          const { key, keySet, metadata } = draftOf(GLOBEX)
          Object.assign(draft, { key, keySet, metadata })
          draft.claims.iss = GLOBEX
          draft.expected = { ...draft.expected, issuer: GLOBEX }
          isOfGlobex.add(draft)
        }),
      ),
    ),
    ...bad(
      fc.constantFrom(
        tenant("of another tenant, by this one's key", 'refused', draft => {
          draft.claims.iss = GLOBEX
          const { keySet, metadata } = draftOf(GLOBEX)
          Object.assign(draft, { keySet, metadata })
          isOfGlobex.add(draft)
        }),
        tenant("by the other tenant's key", 'refused', draft => {
          draft.key = keys.otherRsa
        }),
        named(AWAY, 'unknown'),
        named(MIXED_UP, 'ours'),
        named('https://stranger.example', 'refused'),
      ),
    ),
    ...subject(),
    ...audience([RESOURCE, `${RESOURCE}/`]),
    ...client('client_id', 'azp'),
    ...expiry({ required: true }),
    ...beginning(),
    ...otherKinds,
    ...unknownClaims,
  ],
  present: draft => present(draft, metadataOf(isOfGlobex.has(draft) ? GLOBEX : ACME)),
}
