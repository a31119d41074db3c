import type { Access, ValidatedToken } from 'idplug'

/** A caller as the target should know it. */
export interface Caller {
  /** Who vouches for the subject: the provider, byte for byte. */
  readonly issuer: string
  /** Immutable id at that issuer. */
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
}

type Accepted = Pick<Access, 'token' | 'authInfo'>

/**
 * Makes something of the caller behind an access once, and keeps it for as long as the validator keeps the token: most requests bring the
 * token of another request before them. A linked identity (`AUTH_LINKS`) is the one under which the things of the person are kept.
 *
 * @returns `undefined` for an anonymous caller.
 */
export function perCaller<Made>(make: (caller: Caller) => Made): (access: Accepted) => Made | undefined {
  const kept = new WeakMap<ValidatedToken, { readonly caller: Caller; readonly made: Made }>()
  return access => {
    const { token } = access
    if (!token) return undefined
    const known = kept.get(token)
    const { issuer, subject } = access.authInfo?.extra.identity ?? token
    // Links between identities are read again while the gateway runs.
    if (known?.caller.subject === subject && known.caller.issuer === issuer) return known.made
    const caller = { issuer, subject, clientId: token.clientId, scopes: token.scopes }
    const made = make(caller)
    kept.set(token, { caller, made })
    return made
  }
}
