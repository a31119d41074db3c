import fc from 'fast-check'
import {
  bad,
  confirmation,
  harmless,
  ignored,
  listedClient,
  oneOf,
  scopes,
  set,
  subject,
  unknownClaims,
} from '../changes/claims.ts'
import { answers, json, NO_ANSWERS, page, text } from '../changes/endpoints.ts'
import type { Change, ChangeFamily, Members, Subject } from '../draft.ts'
import { anyJson, NOW } from '../values.ts'
import { type AnswerDraft, answerDraft, answerOf, replace } from './answers.ts'

const TOKENINFO = 'https://oauth2.googleapis.com/tokeninfo'
const METADATA = 'https://accounts.google.com/.well-known/openid-configuration'
const USERINFO = 'https://openidconnect.googleapis.com/v1/userinfo'
const CLIENT = '1234-abc.apps.googleusercontent.com'
const DESKTOP = '1234-def.apps.googleusercontent.com'

/** Every value is a string, as tokeninfo writes them. */
const members = {
  azp: CLIENT,
  aud: CLIENT,
  sub: '110169484474386276334',
  scope: 'openid https://www.googleapis.com/auth/userinfo.email',
  exp: String(NOW + 3488),
  expires_in: '3488',
  email: 'ada@example.com',
  email_verified: 'true',
  access_type: 'online',
}

const expected = {
  issuer: 'https://accounts.google.com',
  subject: members.sub,
  clientId: CLIENT,
  scopes: ['notes:read'],
}

const expiry: ChangeFamily[] = [
  ...harmless(
    fc
      .tuple(fc.constantFrom(NOW + 1, NOW, NOW - 4, NOW + 86_400), fc.constantFrom(String, Number))
      .map(([exp, type]) => set('exp', type(exp), 'good', { expected: { expiresAt: exp } })),
  ),
  ...bad(
    fc
      .tuple(fc.constantFrom(NOW - 5, NOW - 6, 0, NOW - 86_400), fc.constantFrom(String, Number))
      .map(([exp, type]) => set('exp', type(exp), 'refused')),
    oneOf('exp', [undefined, null, '', 'soon', '-1', '1e15', ` ${NOW + 60}`, `${NOW + 60}.5`, [], {}, true], 'refused'),
    oneOf('exp', [JSON.rawJSON('1e999'), -1], 'refused'),
  ),
]

const clients: ChangeFamily[] = [
  ...listedClient('aud', [CLIENT]),
  ...harmless(
    oneOf('azp', [undefined, null], 'good', { part: 'client' }),
    oneOf('azp', [DESKTOP], 'good', { part: 'client', expected: { clientId: DESKTOP } }),
    fc.constant<Change>({
      part: 'client',
      name: 'the other client',
      verdict: 'good',
      make(draft) {
        Object.assign(draft.claims, { aud: DESKTOP, azp: DESKTOP })
        Object.assign(draft.expected, { clientId: DESKTOP })
      },
    }),
  ),
  ...bad(
    oneOf('azp', ['other', '', 7, [CLIENT], {}, true, `${CLIENT}.evil.example`, CLIENT.toUpperCase()], 'refused', {
      part: 'client',
    }),
    // A service account's own access token.
    oneOf('aud', ['110169484474386276335', '0'], 'refused', { part: 'client' }),
  ),
]

/** Other tokens and secrets, which Google's endpoint is not shown. */
const otherTokens: ChangeFamily<AnswerDraft>[] = bad(
  fc
    .constantFrom(
      '1//0gFU7',
      'GOCSPX-secret',
      '4/0AfJohX',
      'eyJhbGciOiJSUzI1NiJ9.e30.c2ln',
      'YA29.a0',
      'a',
      'ya29',
      `ya29.${'a'.repeat(17_000)}`,
      'ya29.a b',
      '',
    )
    .map(
      (token): Change<AnswerDraft> => ({
        part: 'endpoint',
        name: `the token ${token.slice(0, 20)}`,
        verdict: 'refused',
        make: draft => {
          draft.token = token
        },
      }),
    ),
)

const endpoint: readonly ChangeFamily<AnswerDraft>[] = [
  ...answers(NO_ANSWERS, 'unknown', replace),
  ...answers(
    [
      ['403 with a page', text(403, page)],
      ['200 without members', json(200, {})],
      ['200 with an error', json(200, { error: 'x' })],
      ['400 with a page', text(400, page)],
    ],
    'unknown',
    replace,
  ),
  ...answers(
    [['400 invalid_token', json(400, { error: 'invalid_token', error_description: 'Invalid Value' })]],
    'refused',
    replace,
  ),
  ...answers(
    [
      ['404', text(404)],
      ['401', text(401)],
      ['400 of another kind', json(400, { error: 'invalid_request' })],
    ],
    'ours',
    replace,
  ),
]

function googleSubject(
  name: string,
  env: Record<string, string>,
  changes: Subject<AnswerDraft>['changes'],
  further: Members = {},
) {
  return {
    name,
    env: {
      AUTH_PROVIDER: 'google',
      GOOGLE_CLIENT_IDS: `${CLIENT}, ${DESKTOP}`,
      GOOGLE_GRANT_SCOPES: 'notes:read',
      GOOGLE_GRANT_TO: 'everyone',
      ...env,
    },
    draft: () => ({ ...answerDraft('ya29.a0ARrdaM8', members, expected), further: { ...further } }),
    changes,
    present: draft => ({
      token: draft.token,
      endpoints: {
        [TOKENINFO]: answerOf(draft),
        [METADATA]: () => Response.json({ issuer: 'https://accounts.google.com', userinfo_endpoint: USERINFO }),
        [USERINFO]: draft.furtherAnswer ?? (() => Response.json(draft.further)),
      },
    }),
  } satisfies Subject<AnswerDraft>
}

export const google = googleSubject('google', {}, [
  ...expiry,
  ...clients,
  ...subject(),
  ...scopes('scope').map(keepGranted),
  ...confirmation.filter(({ verdict }) => verdict === 'bad'),
  ...ignored('access_type', 'expires_in', 'email', 'email_verified', 'nonce', 'hd', 'kid', 'typ', 'alg', 'at_hash'),
  ...unknownClaims,
  ...otherTokens,
  ...endpoint,
])

/** What a token says in `scope` are Google's own; those of this server are granted by rule. */
function keepGranted({ verdict, arbitrary }: ChangeFamily): ChangeFamily {
  return {
    verdict,
    arbitrary: arbitrary.map(change => ({
      ...change,
      make(draft) {
        change.make(draft)
        Object.assign(draft.expected, { scopes: ['notes:read'] })
      },
    })),
  }
}

const info = (member: string, value: unknown, verdict: Change['verdict']): Change<AnswerDraft> => ({
  part: member === 'hd' ? 'person' : 'userinfo',
  name: `userinfo: ${member} is ${JSON.stringify(value)}`,
  verdict,
  make: draft => {
    draft.further[member] = value
  },
})

const useFurther = (draft: AnswerDraft, answer: () => Response) => {
  draft.furtherAnswer = answer
}

/** People of one Workspace domain, which UserInfo tells by `hd`, and one person of Gmail. */
export const googleForDomain = googleSubject(
  'google, for a domain',
  { GOOGLE_HOSTED_DOMAINS: 'example.com', GOOGLE_ALLOW: 'ben@gmail.com' },
  [
    ...harmless(
      fc.constantFrom('example.com', 'EXAMPLE.com').map(hd => info('hd', hd, 'good')),
      fc.constant<Change<AnswerDraft>>({
        part: 'person',
        name: 'the person of Gmail',
        verdict: 'good',
        make(draft) {
          draft.claims.email = 'Ben@gmail.com'
          draft.further.hd = undefined
        },
      }),
      oneOf('email_verified', ['true', true], 'good'),
      fc
        .tuple(fc.constantFrom('name', 'picture', 'email', 'locale'), anyJson)
        .map(([member, value]) => ({ ...info(member, value, 'good'), part: `userinfo ${member}` })),
    ),
    ...bad(
      fc
        .constantFrom<unknown>(
          undefined,
          null,
          '',
          'other.com',
          'example.com.evil.example',
          'sub.example.com',
          ['example.com'],
          true,
          { domain: 'example.com' },
          'example.com ',
          'xexample.com',
        )
        .map(hd => info('hd', hd, 'refused')),
      fc
        .constantFrom(
          'ben@evil.example@gmail.com',
          'ben@gmail.com.evil.example',
          'ben@gmail.con',
          'ben@googlemail.com',
          'carl@gmail.com',
          'ben@ɡmail.com',
          '"ben@gmail.com"@evil.example',
        )
        .map(
          (email): Change<AnswerDraft> => ({
            part: 'person',
            name: `no domain, and email is ${email}`,
            verdict: 'refused',
            make(draft) {
              draft.claims.email = email
              draft.further.hd = undefined
            },
          }),
        ),
      oneOf('email_verified', ['false', false, undefined, null, 1, 'TRUE', '', {}], 'refused'),
      oneOf('email', [undefined, null, '', 7, ['ada@example.com'], {}], 'refused', { part: 'person' }),
      fc.constantFrom<unknown>(undefined, null, '', 'other', 7, [members.sub]).map(sub => info('sub', sub, 'refused')),
    ),
    ...answers(NO_ANSWERS, 'unknown', useFurther, 'userinfo: ').map(apart('userinfo')),
    ...answers([['401', text(401)]], 'refused', useFurther, 'userinfo: ').map(apart('userinfo')),
    ...answers([['403', text(403)]], 'unknown', useFurther, 'userinfo: ').map(apart('userinfo')),
    ...answers([['404', text(404)]], 'ours', useFurther, 'userinfo: ').map(apart('userinfo')),
    ...clients,
    ...endpoint,
    ...unknownClaims,
  ],
  { sub: members.sub, hd: 'example.com', email: members.email },
)

function apart(part: string) {
  return ({ verdict, arbitrary }: ChangeFamily<AnswerDraft>): ChangeFamily<AnswerDraft> => ({
    verdict,
    arbitrary: arbitrary.map(change => ({ ...change, part })),
  })
}
