import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { bad, harmless } from '../changes/claims.ts'
import type { Change, Draft, Presented, Subject } from '../draft.ts'
import { RESOURCE } from '../run.ts'
import { NOW } from '../values.ts'
import type { AnswerDraft } from './answers.ts'
import { introspection } from './introspection.ts'

const keyOf = (letter: string) => `idplug_${letter.repeat(43)}`
const GOOD = keyOf('a')

/** By the key itself, which the server does not have. */
const listed: Readonly<Record<string, { id: string; owner: string; scopes: string[]; expiresAt?: number }>> = {
  [GOOD]: { id: 'backup', owner: 'ops', scopes: ['notes:read'] },
  [keyOf('B')]: { id: 'report', owner: 'finance', scopes: [], expiresAt: NOW + 1 },
  [keyOf('_')]: { id: 'old', owner: 'ops', scopes: ['notes:read'], expiresAt: NOW },
  [keyOf('-')]: { id: 'older', owner: 'ops', scopes: ['notes:read'], expiresAt: NOW - 86_400 },
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const bySha256 = new Map(Object.entries(listed).map(([key, entry]) => [sha256(key), { ...entry, sha256: sha256(key) }]))

interface KeyDraft extends Draft {
  presented: string | AnswerDraft
}

const sent = (presented: string, verdict: Change['verdict'], expected: Draft['expected'] = {}): Change<KeyDraft> => ({
  part: 'key',
  name: `the key ${presented.slice(0, 20)}`,
  verdict,
  make(draft) {
    draft.presented = presented
    draft.expected = expected
  },
})

const issuer = `${RESOURCE}#api-keys`

/** API keys beside tokens of a provider: whatever begins like a key is shown to nobody. */
export const apiKeys: Subject<KeyDraft> = {
  name: 'API keys',
  weight: 0.3,
  env: introspection.env,
  findApiKey: digest => bySha256.get(digest),
  draft: () => {
    const expected = {
      issuer,
      subject: 'ops',
      clientId: 'backup',
      scopes: ['notes:read'],
      audience: [RESOURCE],
      principalType: 'service',
    } as const
    return { claims: {}, spelled: [], scheme: 'Bearer', writings: [], presented: GOOD, expected }
  },
  changes: [
    ...harmless(
      fc.constantFrom<Change<KeyDraft>>(
        sent(keyOf('B'), 'good', { issuer, subject: 'finance', clientId: 'report', scopes: [], expiresAt: NOW + 1 }),
        {
          part: 'key',
          name: 'a token of the provider',
          verdict: 'good',
          make(draft) {
            draft.presented = introspection.draft()
            draft.expected = { ...draft.presented.expected }
          },
        },
      ),
    ),
    ...bad(
      fc
        .constantFrom(
          keyOf('_'),
          keyOf('-'),
          keyOf('c'),
          `${GOOD}=`,
          `${GOOD}a`,
          GOOD.slice(0, -1),
          ` ${GOOD}`,
          `${GOOD}\n`,
          GOOD.toUpperCase(),
          GOOD.replace('idplug_', 'idplug-'),
          GOOD.replace('idplug_', ''),
          'idplug_',
          `idplug_${sha256(GOOD)}`,
          sha256(GOOD),
          `idplug_${'é'.repeat(43)}`,
          `idplug_${'a'.repeat(20)}.${'a'.repeat(22)}`,
          `idplug_${'a'.repeat(17_000)}`,
        )
        .map(key => sent(key, 'refused')),
      fc.integer({ min: 7, max: 49 }).map(at => sent(`${GOOD.slice(0, at)}b${GOOD.slice(at + 1)}`, 'refused')),
      fc
        .string({ minLength: 43, maxLength: 43, unit: 'grapheme-ascii' })
        .map(text => sent(`idplug_${text}`, 'refused')),
    ),
  ],
  present(draft): Presented {
    const { presented } = draft
    if (typeof presented !== 'string') return introspection.present(presented)
    if (presented.startsWith('idplug_')) return { token: presented, endpoints: {} }
    const inactive = introspection.draft()
    inactive.claims = { active: false }
    return { ...introspection.present(inactive), token: presented }
  },
}
