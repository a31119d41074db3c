import type { ConfiguredProvider } from '../../config/providers.ts'
import type { PresentationScheme, ValidatedToken } from '../../src/token-validator.ts'
import type { ApiKey } from '../../src/validators/api-keys.ts'

/**
 * What has to become of a token: accepted, 401, 503 or 500. It follows from how the token was made, and never from code under
 * test.
 */
export type Verdict = 'good' | 'refused' | 'unknown' | 'ours'

/** A JSON object that is being put together. Members that are `undefined` are left out. */
export type Members = Record<string, unknown>

/** What a server answers at one URL. Throwing stands for a connection that fails. */
export type Answer = (request?: Pick<RequestInit, 'body'>) => Response

/** A good token, or a good answer about one, until changes are made to it. */
export interface Draft {
  /** Claims of the token, or members of the answer. */
  claims: Members
  /** Members as text, put before all others: for duplicates, and for what is too deep to be made by `JSON.stringify`. */
  spelled: string[]
  scheme: PresentationScheme
  /** What has to be said about the token where it is accepted. */
  expected: Partial<ValidatedToken>
  /** How the JSON text is written. */
  writings: ((json: string) => string)[]
}

/** One thing that is done to a good draft. */
export interface Change<D extends Draft = Draft> {
  /** What is changed. Of the changes of one part one at most is made, so that none undoes another. */
  readonly part: string
  /** Further parts that it needs to stay as they are. Default: none. */
  readonly also?: readonly string[]
  readonly name: string
  readonly verdict: Verdict
  make(draft: D): void
}

/** What is sent, and what the provider's servers answer. */
export interface Presented {
  readonly token: string
  /** By URL without query. Nothing else may be asked. */
  readonly endpoints: Readonly<Record<string, Answer>>
}

/** A provider with its settings, and how good tokens of it look. */
export interface Subject<D extends Draft = Draft> {
  readonly name: string
  /** Settings, as in `AUTH_PROVIDER` and the provider's own. */
  readonly env: Readonly<Record<string, string>>
  /** An API key by its SHA-256, beside the provider. Default: none are accepted. */
  readonly findApiKey?: (sha256: string) => ApiKey | undefined
  /** The provider of a tenant, in place of those of the settings. */
  readonly findTenant?: (issuer: string) => ConfiguredProvider | undefined
  /** A good token as documented, or as a sample has it. */
  draft(): D
  /** Changes that a good token stays good with, and others. */
  readonly changes: readonly ChangeFamily<D>[]
  present(draft: D): Presented
  /** Whether the provider has been asked before. Default: false. */
  readonly warm?: boolean
  /** How many of the cases are of this provider, beside the others. Default: 1. */
  readonly weight?: number
}

/** Changes of one kind. */
export interface ChangeFamily<D extends Draft = Draft> {
  readonly verdict: 'harmless' | 'bad'
  readonly arbitrary: import('fast-check').Arbitrary<Change<D>>
}

/** The JSON text of an object of a draft. */
export function jsonOf(members: Members, { spelled = [], writings = [] }: Partial<Draft> = {}): string {
  const text = JSON.stringify(members)
  const rest = text === '{}' ? '}' : `${spelled.length > 0 ? ',' : ''}${text.slice(1)}`
  return writings.reduce((json, write) => write(json), `{${spelled.join(',')}${rest}`)
}

export const emptyDraft = (): Omit<Draft, 'claims' | 'expected'> => ({ spelled: [], scheme: 'Bearer', writings: [] })
