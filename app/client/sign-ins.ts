/** Whom the authorization server knows this client as. */
export interface ClientIdentity {
  readonly clientId: string
  readonly clientSecret?: string
  readonly tokenEndpointAuthMethod?: string
  /** `given` by the person, by a `metadata-document` (CIMD), or `dynamic`: registered by this program. */
  readonly origin: 'given' | 'metadata-document' | 'dynamic'
  readonly redirectUri?: string
}

export interface KeptTokens {
  readonly accessToken: string
  /** `Bearer`, or `DPoP` where the token is bound to the key. */
  readonly tokenType: string
  readonly refreshToken?: string
  /** As granted; as requested where the answer did not say (RFC 6749 §5.1). */
  readonly scopes: readonly string[]
  /** In seconds since the Unix epoch. */
  readonly expiresAt?: number
}

/** What is kept of a sign-in at one authorization server for one MCP server. */
export interface SignIn {
  readonly issuer: string
  readonly client?: ClientIdentity
  readonly tokens?: KeptTokens
  /** Private key of DPoP (RFC 9449) as a JWK. */
  readonly proofKey?: { readonly alg: string; readonly jwk: Readonly<Record<string, unknown>> }
}

/** Sign-ins by MCP server and issuer. A token never goes to another server, nor a client id to another issuer. */
export interface SignInStore {
  /** @param issuer - Default: the authorization server that was signed in at last. */
  load(server: string, issuer?: string): Promise<SignIn | undefined>
  /** Keeps it as the last one. */
  save(server: string, signIn: SignIn): Promise<void>
  remove(server: string): Promise<void>
  /** One caller at a time for one server, other processes among them. */
  exclusively<T>(server: string, work: () => Promise<T>): Promise<T>
}

/** Forgets everything with the process: for machines, which get a new token as easily. */
export function createMemorySignIns(): SignInStore {
  const kept = new Map<string, SignIn[]>()
  return {
    load: async (server, issuer) => pick(kept.get(server), issuer),
    save: async (server, signIn) => void kept.set(server, withLast(kept.get(server), signIn)),
    remove: async server => void kept.delete(server),
    exclusively: (_server, work) => work(),
  }
}

/**
 * A store for signing in anew: it shows the sign-in that is kept without its tokens, and keeps them until there are new ones, so that
 * whoever breaks off stays signed in.
 */
export function withoutTokens(store: SignInStore, kept: SignIn): SignInStore {
  const { tokens } = kept
  const isKept = (signIn: SignIn | undefined) => signIn?.tokens?.accessToken === tokens?.accessToken
  return {
    ...store,
    async load(server, issuer) {
      const found = await store.load(server, issuer)
      return found && isKept(found) ? { ...found, tokens: undefined } : found
    },
    async save(server, signIn) {
      const isSameClient = signIn.issuer === kept.issuer && signIn.client?.clientId === kept.client?.clientId
      await store.save(server, signIn.tokens || !isSameClient ? signIn : { ...signIn, tokens })
    },
  }
}

/** The one of the issuer, or the last one. */
export function pick(signIns: readonly SignIn[] = [], issuer?: string): SignIn | undefined {
  return issuer === undefined ? signIns.at(-1) : signIns.find(signIn => signIn.issuer === issuer)
}

export function withLast(signIns: readonly SignIn[] = [], last: SignIn): SignIn[] {
  return [...signIns.filter(({ issuer }) => issuer !== last.issuer), last]
}
