import type { z } from 'zod'
import type { CompleteContext } from './context.ts'
import type { TokenValidator } from './token-validator.ts'
import type { OpaqueTokens } from './validators/routed.ts'

/** What an adapter takes from its surroundings, beside what every validator takes. */
export interface AdapterContext extends CompleteContext {
  /**
   * Value of a secret that the options name (`clientSecretEnv`). The loader has already made sure that it is there.
   */
  secret(name: string): string
}

/**
 * One identity provider: what is special about it, and nothing else. `create` does no I/O and reads no environment.
 *
 * @typeParam S - Schema of the provider's options.
 */
export interface Adapter<S extends z.ZodObject = z.ZodObject> {
  /** As in `AUTH_PROVIDER` and in the name of the configuration file. */
  readonly name: string
  /** The provider's own name, for people. */
  readonly title: string
  /** Strict: a misspelled option stops the start. Every field says what it is and where the provider's console has it. */
  readonly options: S
  /** Whether a metadata URL or issuer is this provider's. Compare host names on label boundaries, never by `includes`. */
  recognizes?(url: URL): boolean
  /**
   * Which opaque tokens are this provider's, for routing among several: those that begin so (`gho_`), or any that no other
   * provider claims. Default: none, it issues JWTs only.
   */
  opaqueTokens?(options: z.output<S>): OpaqueTokens
  /**
   * Mistakes that the schema cannot see, each in a sentence that names the cure.
   *
   * @param secret - Value of a secret that the options name; never to be repeated.
   * @returns By option.
   */
  mistakes?(
    options: z.output<S>,
    secret: AdapterContext['secret'],
  ): Readonly<Partial<Record<keyof z.output<S> & string, string>>>
  create(options: z.output<S>, context: AdapterContext): TokenValidator
}

/** Types an adapter by its schema, then lets go of the schema, so that adapters of different shapes fit one list. */
export function defineAdapter<S extends z.ZodObject>(adapter: Adapter<S>): Adapter {
  return adapter as unknown as Adapter
}
