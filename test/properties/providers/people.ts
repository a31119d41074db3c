import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { audience, bad, harmless, ignored, oneOf, set, unknownClaims } from '../changes/claims.ts'
import type { Change, ChangeFamily, Members, Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import type { JwtDraft } from '../signing.ts'
import { anyJson, oddText } from '../values.ts'
import { oidc } from './oidc.ts'

/** All claims that rules go by, at once: which of them holds decides. */
const person = (name: string, verdict: Change['verdict'], claims: Members, scopes?: string[]): Change => ({
  part: 'person',
  name: `${name}: ${JSON.stringify(claims)}`,
  verdict,
  make(draft) {
    Object.assign(
      draft.claims,
      { email: undefined, email_verified: undefined, groups: undefined, roles: undefined },
      claims,
    )
    if (scopes) Object.assign(draft.expected, { scopes })
  },
})

const READ = ['notes:read']
const WRITE = ['notes:read', 'notes:write']
const STAFF = { email: 'ada@example.com', email_verified: true }

const people: ChangeFamily[] = [
  ...harmless(
    fc.constantFrom(
      person('of the domain', 'good', STAFF, READ),
      person('of the domain', 'good', { email: 'Ada@EXAMPLE.com', email_verified: true }, READ),
      person('by address', 'good', { email: 'ben@partner.example', email_verified: true }, READ),
      person('by group', 'good', { groups: ['guests'] }, READ),
      person('by group, in a list', 'good', { groups: ['a', 'guests', 'guests'] }, READ),
      person('by group, as one text', 'good', { groups: 'guests' }, READ),
      person('by group, in an object', 'good', { groups: { guests: { id: 1 } } }, READ),
      person(
        'by group, though the address is not verified',
        'good',
        { groups: ['guests'], email: 'x@y.example' },
        READ,
      ),
      person('with a role', 'good', { ...STAFF, roles: ['writer'] }, WRITE),
      person('with a role in an object', 'good', { ...STAFF, roles: { writer: true, a: false } }, WRITE),
      person('with another role', 'good', { ...STAFF, roles: ['Writer', 'writer ', 'role:writer'] }, READ),
      person('with a role that is taken away', 'good', { ...STAFF, roles: { writer: false } }, READ),
    ),
    // Whatever the claims are whose rules do not hold.
    anyJson.map(value => person('odd roles', 'good', { ...STAFF, roles: value === 'writer' ? 'a' : value })),
    anyJson.map(value => person('odd groups', 'good', { ...STAFF, groups: value }, READ)),
    oneOf('scope', [undefined, 'notes:read', 'notes:admin', ['notes:write']], 'good'),
  ),
  ...bad(
    fc
      .constantFrom<unknown>(undefined, null, false, 'true', 1, 0, '', {}, [true])
      .map(email_verified => person('not verified', 'refused', { email: 'ada@example.com', email_verified })),
    fc
      .constantFrom<unknown>(
        'ada@other.example',
        'ada@example.com.evil.example',
        'ada@sub.example.com',
        'ada@xexample.com',
        'ada@evil.example@example.com',
        'ada@EXAMPLE.com:',
        'ada@eхample.com',
        'ada@example.com ',
        '"@example.com',
        '@example.com@',
        'example.com',
        '@example.com',
        'carl@partner.example',
        'ben@partner.example.evil.example',
        ['ada@example.com'],
        { 0: 'ada@example.com' },
        '',
        null,
        7,
      )
      .map(email => person('another address', 'refused', { email, email_verified: true })),
    fc
      .constantFrom<unknown>(
        ['Guests'],
        ['guests '],
        ['group:guests'],
        'guests staff',
        { guests: false },
        { guests: null },
        { a: 'guests' },
        [],
        {},
        '',
        null,
        7,
        [{ name: 'guests' }],
        [['guests']],
      )
      .map(groups => person('another group', 'refused', { groups })),
    fc
      .constantFrom<unknown>(['guests'], 'guests')
      .map(roles => person('a role of the name of a group', 'refused', { roles })),
    fc.constant(person('nobody', 'refused', {})),
    fc.constantFrom('user:user-2', 'everyone', '@example.com', 'group:guests').map(
      (sub): Change => ({
        part: 'person',
        name: `the subject is ${sub}`,
        verdict: 'refused',
        make: draft => void Object.assign(draft.claims, { sub, email: undefined, groups: undefined }),
      }),
    ),
    oneOf('sub', oddText, 'refused'),
  ),
]

/** Rules by domain, address and group; scopes by rule. */
export const oidcForPeople: Subject<JwtDraft> = {
  ...oidc,
  weight: 1,
  name: 'oidc, for people',
  env: { AUTH_CONFIG: fileURLToPath(new URL('people.json', import.meta.url)) },
  draft() {
    const draft = oidc.draft()
    Object.assign(draft.claims, STAFF, { scope: 'notes:admin' })
    Object.assign(draft.expected, { scopes: READ })
    return draft
  },
  changes: [
    ...people,
    ...harmless(fc.constant(set('email', 'ada@example.com', 'good', { part: 'person' }))),
    ...audience([RESOURCE]),
    ...ignored('name', 'preferred_username', 'nickname', 'picture', 'hd', 'org_id'),
    ...unknownClaims,
  ],
}
