import type { z } from 'zod'
import type { CompleteContext } from './context.ts'
import type { ScopeGrant } from './people/grants.ts'
import type { ClaimNames, Person, Principals } from './people/people.ts'
import { createPeopleCheck } from './people/rules.ts'
import type { TokenReason } from './reasons.ts'
import type { TokenValidator, ValidatedToken } from './token-validator.ts'
import type { OpaqueTokens } from './validators/routed.ts'

/** What an adapter takes from its surroundings, beside what every validator takes. */
export interface AdapterContext extends CompleteContext {
  /**
   * Value of a secret that the options name (`clientSecretEnv`). The loader has already made sure that it is there.
   */
  secret(name: string): string
  /** The environment variable that sets an option, for cures; `undefined` where the configuration has none for it. Default: unknown. */
  variableOf?(option: string): string | undefined
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
   * Which opaque tokens are this provider's, for routing among several: those that begin so (`gho_`) or look so, or any that no
   * other provider claims. Tokens and secrets of another kind that are recognizably this provider's belong here, too: `create` must
   * refuse them unasked. Default: none, it issues JWTs only.
   */
  opaqueTokens?(options: z.output<S>): OpaqueTokens
  /**
   * What is this provider's wherever it turns up. Among several providers it is shown to nobody else, not even where this one is not
   * configured. Default: none.
   */
  readonly secretPrefixes?: readonly string[]
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
  /**
   * What rules about people go by, where the options have such rules: `peopleOptions`. They are applied to whatever the validator
   * accepts.
   */
  readonly people?: TokenPeople<z.output<S>>
  create(options: z.output<S>, context: AdapterContext): TokenValidator
}

/** Who stands behind the tokens of one provider. */
export interface TokenPeople<Options> {
  /** What the rules may call people by. */
  readonly principals: Principals
  /**
   * @param claims - Of an accepted token, with its issuer as `iss` and its subject as `sub`, and what `lookUp` found.
   * @returns `undefined` where they do not say who it is.
   */
  personOf(claims: Readonly<Record<string, unknown>>, names: ClaimNames): Person | undefined
  /** Further principals that may use the server, from options of the provider's own. Default: none. */
  allow?(options: Options): readonly string[]
  /**
   * How claims are found that the tokens lack; `undefined` where the rules need none.
   *
   * @param principals - Of all rules, `everyone` left out.
   * @returns Finds further claims. Throws as `TokenValidator.validate` does.
   */
  lookUp?(options: Options, context: AdapterContext, principals: readonly string[]): LookUp | undefined
  /** The provider's own reason why `allow` does not mean somebody; `undefined` keeps the general one. */
  refusal?(options: Options, person: Person | undefined, token: ValidatedToken): TokenReason | undefined
  /** What clients request where rules say who has which scopes. Default: `openid`. */
  wireScopes?(options: Options): readonly string[]
}

/** @param raw - The token itself, to ask the provider with. */
export type LookUp = (token: ValidatedToken, raw: string) => Promise<Readonly<Record<string, unknown>>>

/** The options that `peopleOptions` describes, as far as an adapter has them. */
interface RuleOptions extends Partial<ClaimNames> {
  readonly allow?: readonly string[]
  readonly grants?: readonly ScopeGrant[]
}

/** An adapter whose schema may be made when somebody first asks for it: it takes a millisecond, and most adapters stay unused. */
type AdapterDefinition<S extends z.ZodObject> = Omit<Adapter<S>, 'options'> & { readonly options: S | (() => S) }

/** Types an adapter by its schema, then lets go of the schema, so that adapters of different shapes fit one list. */
export function defineAdapter<S extends z.ZodObject>(definition: AdapterDefinition<S>): Adapter {
  const { people, options } = definition
  let schema = typeof options === 'function' ? undefined : options
  const create: Adapter<S>['create'] = (options, context) =>
    definition.create(options, people ? { ...context, checkPerson: peopleCheck(people, options, context) } : context)
  const adapter: Adapter<S> = {
    ...definition,
    get options() {
      schema ??= (options as () => S)()
      return schema
    },
    create,
  }
  return adapter as unknown as Adapter
}

function peopleCheck<Options>(people: TokenPeople<Options>, options: Options, context: AdapterContext) {
  const { grants = [], groupsClaim = 'groups', rolesClaim = 'roles', ...rules } = options as RuleOptions
  const allow = [...(rules.allow ?? []), ...(people.allow?.(options) ?? [])]
  const principals = [...allow, ...grants.flatMap(({ to }) => to)].filter(name => name !== 'everyone')
  const lookUp = people.lookUp?.(options, context, principals)
  const claimsOf = (token: ValidatedToken) => ({ ...token.claims, iss: token.issuer, sub: token.subject })
  const personOf = (claims: Readonly<Record<string, unknown>>) => people.personOf(claims, { groupsClaim, rolesClaim })
  return createPeopleCheck(
    { allow, grants },
    {
      observer: context.observer,
      describe: (token, raw) => {
        if (!lookUp) return personOf(claimsOf(token))
        return lookUp(token, raw).then(found => personOf({ ...claimsOf(token), ...found }))
      },
      explain: people.refusal && ((token, person) => people.refusal?.(options, person, token)),
    },
  )
}
