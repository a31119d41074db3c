import type { Exchange } from './exchange.ts'
import type { Target } from './target.ts'

/** What a specification demands, or what clients and advisories need without a normative sentence. */
export type Level = 'MUST' | 'SHOULD' | 'practice'

/** Where a demand stands. */
export interface Source {
  /** Document and section: `RFC 6750 §3`. */
  readonly document: string
  readonly url: string
  /** Word for word. Only where it was compared with the published text; a source without it is a reference. */
  readonly sentence?: string
}

/**
 * What a check cannot do without. `own`: the person said that the server is theirs, or it is on this machine. `issuer`: the server
 * trusts the issuer of this kit. `dpop`: the server takes proofs of possession.
 */
export type Need = TokenKind | 'tool' | 'own' | 'issuer' | 'dpop'

/** Tokens that a person hands in, or that the kit's own issuer makes. */
export type TokenKind = 'token' | 'low-scope-token' | 'other-audience-token'

/** 0: without any token, at every server. 1: with tokens handed in. 2: the server trusts the kit's own issuer. */
export type Tier = 0 | 1 | 2

export interface Check {
  /** Stable: a letter for the section, and two digits. */
  readonly id: string
  /** What a server that conforms does. */
  readonly title: string
  readonly level: Level
  readonly source: Source
  /** The lowest tier that it runs in. */
  readonly tier: Tier
  /** All of them are needed. Default: nothing. */
  readonly needs?: readonly Need[]
  run(target: Target): Promise<Judgement>
}

/** What a check says of a server. Whether a failure is an error or a warning follows from the level of the check. */
export type Judgement =
  | { readonly kind: 'passed'; readonly because?: string }
  /** `isMild`: a warning even where the level is MUST, because the demand is met in substance. */
  | {
      readonly kind: 'failed'
      readonly because: string
      readonly exchanges: readonly Exchange[]
      readonly isMild?: true
    }
  | { readonly kind: 'skipped'; readonly because: string }

/** @param because - Only what a reader would not expect: in which of several ways the demand is met. */
export function passed(because?: string): Judgement {
  return { kind: 'passed', because }
}

/**
 * @param because - What was seen in place of what was expected; a sentence without a full stop, and without a token.
 * @param exchanges - Requests that show it.
 */
export function failed(because: string, ...exchanges: readonly Exchange[]): Judgement {
  return { kind: 'failed', because, exchanges }
}

/** A failure that is a warning whatever the level of the check. */
export function mild(because: string, ...exchanges: readonly Exchange[]): Judgement {
  return { kind: 'failed', because, exchanges, isMild: true }
}

/** @param because - Why there is nothing to say: what is missing, or what does not apply. */
export function skipped(because: string): Judgement {
  return { kind: 'skipped', because }
}
