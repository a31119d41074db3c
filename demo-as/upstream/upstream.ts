/** Somebody whom the upstream vouches for. */
export interface SignedInUser {
  /** Immutable id; becomes the `sub` of tokens. */
  subject: string
  /** Login name; `username` in introspection (RFC 7662 §2.2). */
  username: string
  /** For people. */
  name: string
  /** Most that this user may hand to an application. Scopes outside are never granted, whatever is asked for. */
  scopes: readonly string[]
}

/** What the upstream says about a browser that came back from it, or about somebody who signed in before. */
export type Identification =
  /** `session` is what {@link Upstream.recheck} needs later: JSON, and secret. */
  | { outcome: 'signed_in'; user: SignedInUser; session?: unknown }
  /** Refused, expired, replayed or forged. `reason` is for the log. */
  | { outcome: 'nobody'; reason?: string }
  /** Signed in, but may not enter. `words` are for the page, `reason` for the log. */
  | { outcome: 'not_allowed'; words: string; reason: string }

/** The way to the upstream for one browser. */
export interface Departure {
  /** Address to send the browser to. The upstream sends it back to the redirect URI with `state` as it got it. */
  url: string
  /** Given to {@link Upstream.identify} when that browser comes back: JSON, and secret (nonce, PKCE verifier). */
  memory?: unknown
}

/**
 * Who the authorization server asks about users. It keeps no sign-in session of its own: every authorization goes through
 * here, and what the upstream remembers about a browser is the upstream's business.
 */
export interface Upstream {
  /** For people: `Google`. */
  readonly name: string
  /**
   * @param request - `another`: the person has just said that they are not who the upstream takes them for.
   * @throws {UpstreamUnavailableError}
   */
  depart(request: { state: string; redirectUri: string; another?: boolean }): Promise<Departure>
  /**
   * Reads the answer with which the browser came back.
   *
   * @param answer - Query parameters of the callback. Whose browser it is and that `state` is one of ours was checked before.
   * @throws {UpstreamUnavailableError}
   */
  identify(
    answer: URLSearchParams,
    request: { state: string; redirectUri: string; memory?: unknown },
  ): Promise<Identification>
  /**
   * Asks whether somebody who signed in before may still enter. Where it is absent, everybody may.
   *
   * @param session - As {@link identify} or the last `recheck` gave it. The one in the answer takes its place.
   * @throws {UpstreamUnavailableError}
   */
  recheck?(session: unknown): Promise<Identification>
  /** Whether {@link end} ends all sessions that the person has here, instead of the one. Default false. */
  readonly endsAll?: boolean
  /**
   * Ends a session at the upstream (RFC 7009), where it can.
   *
   * @throws {UpstreamUnavailableError}
   */
  end?(session: unknown): Promise<void>
}

/** The upstream gave no answer about somebody. */
class UpstreamError extends Error {
  /** The session that takes the place of the one that was asked about, although there is no answer: it may have been spent. */
  session?: unknown
}

/** The upstream could not be asked: what it would have said is not known. */
export class UpstreamUnavailableError extends UpstreamError {
  override readonly name = 'UpstreamUnavailableError'
}

/** The upstream does not accept this server as its client, or answers what it must not: nothing that a person can mend. */
export class UpstreamMisconfiguredError extends UpstreamError {
  override readonly name = 'UpstreamMisconfiguredError'
}
