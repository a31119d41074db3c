import type { KitOptions } from '../kit.ts'
import type { ProofParts } from '../server/dpop.ts'
import type { McpParts } from '../server/mcp.ts'
import type { Parts } from '../server/parts.ts'
import type { Plant } from '../server/server.ts'
import type { TokenParts } from '../server/tokens.ts'

/** One mistake in a server that is honest otherwise, and the checks that see it. */
export interface TokenDefect extends Omit<KitOptions, 'only'> {
  /** Check that has to find it. */
  readonly id: string
  readonly way: string
  /** Other checks that cannot pass either. */
  readonly also?: readonly string[]
  /** A warning, even where the check comes from a MUST. */
  readonly mild?: true
  readonly plant: Plant
}

/** Asks another question of tokens. */
export const judging = (change: Partial<TokenParts> | ((tokens: TokenParts) => Partial<TokenParts>)): Plant => {
  return parts => ({ ...parts, tokens: { ...parts.tokens, ...applied(change, parts.tokens) } })
}

/** Asks another question of proofs. */
export const proving = (change: Partial<ProofParts> | ((proof: ProofParts) => Partial<ProofParts>)): Plant => {
  return parts => ({ ...parts, proof: { ...parts.proof, ...applied(change, parts.proof) } })
}

/** Serves otherwise. */
export const serving = (change: Partial<McpParts> | ((mcp: McpParts) => Partial<McpParts>)): Plant => {
  return parts => ({ ...parts, mcp: { ...parts.mcp, ...applied(change, parts.mcp) } })
}

export const changing = (change: Partial<Parts> | ((parts: Parts) => Partial<Parts>)): Plant => {
  return parts => ({ ...parts, ...applied(change, parts) })
}

function applied<T>(change: Partial<T> | ((whole: T) => Partial<T>), whole: T): Partial<T> {
  return typeof change === 'function' ? change(whole) : change
}
