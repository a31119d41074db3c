/** How far a client has come, in the order of the specification. */
const PHASES = [
  'seen',
  'challenged',
  'resource_metadata',
  'server_metadata',
  'registered',
  'authorization',
  'person',
  'returned',
  'token',
  'connected',
  'called',
] as const

export type Phase = (typeof PHASES)[number]

export const isBefore = (phase: Phase, other: Phase) => PHASES.indexOf(phase) < PHASES.indexOf(other)

/** What silence would mean, and from when on. */
export interface Expectation {
  /** Key of what is said when nothing comes. */
  readonly silence: SilenceName
  /** What the specification expects next. */
  readonly next: string
  /** Milliseconds since the Unix epoch. */
  readonly since: number
  readonly seconds: number
}

export type SilenceName =
  | 'challenge'
  | 'preflight'
  | 'wrong_path'
  | 'resource_metadata'
  | 'server_metadata'
  | 'registration'
  | 'person'
  | 'provider'
  | 'return'
  | 'token'
  | 'refused_token'
  | 'step_up'

/** One client on its way from discovery to its first call. */
export interface Attempt {
  /** Given with the first step that is shown. */
  number: number
  /** Sorted from what says least to what says most. */
  readonly names: { agent?: string; info?: string; registration?: string; document?: string }
  readonly products: Set<string>
  readonly connections: Set<string>
  /** Tokens, by the number of the connection of their server and theirs. */
  readonly callers: Set<string>
  readonly flows: Set<string>
  address: string | undefined
  clientId: string | undefined
  /** Web page that calls, where it is one. */
  origin: string | undefined
  resource: string | undefined
  /** Where clients are told to sign in. */
  issuer: string | undefined
  redirectOrigin: string | undefined
  phase: Phase
  expects: Expectation | undefined
  beganAt: number
  lastAt: number
  /** Words of the last step. */
  lastStep: string
  isStopped: boolean
  /** Whether a view was told of it: a look at the metadata alone is no attempt yet. */
  isShown: boolean
  /** What is told once it is shown. */
  readonly held: (() => void)[]
}

export function nameOf({ names, products }: Attempt): string {
  const [product] = products
  const built = product === undefined ? 'a client' : `a client (${product})`
  return names.document ?? names.agent ?? names.registration ?? names.info ?? built
}
