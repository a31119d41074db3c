import fc from 'fast-check'
import { bad, harmless } from '../changes/claims.ts'
import type { Change, Draft, Presented, Subject } from '../draft.ts'
import { type JwtDraft, keys } from '../signing.ts'
import type { AnswerDraft } from './answers.ts'
import { auth0 } from './auth0.ts'
import { github } from './github.ts'
import { google } from './google.ts'
import { okta } from './okta.ts'

/** One of several providers, and what is sent of it. Nobody else may be asked. */
interface RoutedDraft extends Draft {
  jwt: { of: Subject<JwtDraft>; draft: JwtDraft }
  opaque?: { of: Subject<AnswerDraft>; draft: AnswerDraft }
  /** In place of a token of any of them. */
  token?: string
}

const jwtOf = (of: Subject<JwtDraft>) => ({ of, draft: of.draft() })

const route = (name: string, verdict: Change['verdict'], make: (draft: RoutedDraft) => void): Change<RoutedDraft> => ({
  part: 'route',
  name,
  verdict,
  make,
})

const opaqueOf = (of: Subject<AnswerDraft>) =>
  route(`a token of ${of.name}`, 'good', draft => {
    draft.opaque = { of, draft: of.draft() }
    draft.expected = { ...draft.opaque.draft.expected }
  })

const text = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

/** Several providers at once: each token goes to its own, and to nobody else. */
export const routed: Subject<RoutedDraft> = {
  name: 'several providers',
  weight: 0.3,
  env: { ...okta.env, ...google.env, ...github.env, ...auth0.env, AUTH_PROVIDER: 'auth0,okta,google,github' },
  draft: () => {
    const jwt = jwtOf(auth0)
    return { ...jwt.draft, jwt, expected: { ...jwt.draft.expected } }
  },
  changes: [
    ...harmless(
      fc.constantFrom(
        route('a token of okta', 'good', draft => {
          draft.jwt = jwtOf(okta)
          draft.expected = { ...draft.jwt.draft.expected }
        }),
        opaqueOf(google),
        opaqueOf(github),
      ),
    ),
    ...bad(
      fc.constantFrom(
        ...[auth0, okta].flatMap(of => [
          route(`a token of ${of.name} with the issuer of the other`, 'refused', draft => {
            const other = of === auth0 ? okta : auth0
            draft.jwt = jwtOf(other)
            draft.jwt.draft.key = keys.otherRsa
            draft.jwt.draft.claims = { ...of.draft().claims, iss: draft.jwt.draft.claims.iss }
          }),
          route(`a token of ${of.name} with another issuer`, 'refused', draft => {
            draft.jwt = jwtOf(of)
            draft.jwt.draft.claims.iss = 'https://other.example.com'
          }),
          route(`a token of ${of.name} with a slash more or less in its issuer`, 'refused', draft => {
            draft.jwt = jwtOf(of)
            const iss = String(draft.jwt.draft.claims.iss)
            draft.jwt.draft.claims.iss = iss.endsWith('/') ? iss.slice(0, -1) : `${iss}/`
          }),
          route(`an expired token of ${of.name}`, 'refused', draft => {
            draft.jwt = jwtOf(of)
            draft.jwt.draft.claims.exp = 1
          }),
        ]),
      ),
      fc
        .constantFrom(
          'opaque',
          'a.b',
          'a.b.c',
          'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
          'github_pat_11ABC',
          'ghr_1B4a2e77838347a7E420ce178F2E7c6912E1692',
          'ghs_1',
          '1//0gFU7',
          'GOCSPX-secret',
          '4/0AfJohX',
          `${text({ alg: 'dir', enc: 'A256GCM', iss: 'https://acme.eu.auth0.com/' })}..aXY.Y2lwaGVy.dGFn`,
          `${text({ alg: 'dir', enc: 'A256GCM' })}..aXY.Y2lwaGVy.dGFn`,
          `${text({ alg: 'none' })}.${text({ iss: 'https://acme.eu.auth0.com/' })}.`,
          `${text({ alg: 'RS256' })}.${text({ iss: ['https://acme.eu.auth0.com/'] })}.c2ln`,
        )
        .map(token =>
          route(`the token ${token.slice(0, 30)}`, 'refused', draft => {
            draft.token = token
          }),
        ),
    ),
  ],
  present(draft): Presented {
    const { token, jwt, opaque } = draft
    if (token !== undefined) return { token, endpoints: {} }
    return opaque ? opaque.of.present(opaque.draft) : jwt.of.present(jwt.draft)
  },
}
