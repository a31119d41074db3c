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

/**
 * The upstream's word about a browser that came back from it, or about somebody who signed in before. Nothing else ends what somebody was
 * granted: where there is no word, there is an {@link UpstreamError}.
 */
export type Identification =
  /** `session` is what {@link Upstream.recheck} needs later: JSON, and secret. */
  | { outcome: 'signed_in'; user: SignedInUser; session?: unknown }
  /**
   * Refused, removed, expired, replayed or forged. `reason` is for the log; `words` and `said`, which is the provider's own, are for the
   * page. Default of `words`: that the browser came back without a sign-in.
   */
  | { outcome: 'nobody'; reason?: string; words?: string; said?: string }
  /** Signed in, but may not enter. `words` are for the page, `reason` for the log. */
  | { outcome: 'not_allowed'; words: string; reason: string }

/** Why the upstream has said nothing about somebody yet. */
export type NoAnswer =
  /** We have not caught up with it: a key that is new, say. */
  | 'behind'
  /** It does not answer. */
  | 'away'
  /** It does not accept this server, or answers what this server must not accept. */
  | 'rejected_us'

/**
 * Stores what an upstream gives only once, sealed, in place of what the upstream was asked with: the next attempt, of whichever process, gets
 * this value. The upstream waits for it before it asks anything else.
 *
 * @param value - JSON.
 * @throws {Error} It could not be stored. The upstream gives up.
 */
export type Keep = (value: unknown) => Promise<void>

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
   * @throws {UpstreamError}
   */
  depart(request: { state: string; redirectUri: string; another?: boolean }): Promise<Departure>
  /**
   * Reads the answer with which the browser came back. Can be asked again with the same answer: what was given for it before is in `memory`.
   *
   * @param answer - Query parameters of the callback. Whose browser it is and that `state` is one of ours was checked before.
   * @param request - `memory`: as {@link depart} gave it, or the last `keep` got it.
   * @throws {UpstreamError}
   */
  identify(
    answer: URLSearchParams,
    request: { state: string; redirectUri: string; memory?: unknown; keep: Keep },
  ): Promise<Identification>
  /**
   * Asks whether somebody who signed in before may still enter. Where it is absent, everybody may.
   *
   * @param session - As {@link identify} or the last `recheck` gave it, or the last `keep` got it. The one in the answer takes its place.
   * @throws {UpstreamError}
   */
  recheck?(session: unknown, keep: Keep): Promise<Identification>
  /** Whether {@link end} ends all sessions that the person has here, instead of the one. Default false. */
  readonly endsAll?: boolean
  /**
   * Ends a session at the upstream (RFC 7009), where it can. Ending it once more does no harm.
   *
   * @throws {UpstreamError}
   */
  end?(session: unknown): Promise<void>
}

/** The upstream has said nothing about somebody. What it would have said is not known, so nothing changes for them. */
export abstract class UpstreamError extends Error {
  abstract readonly outcome: NoAnswer
  /** What the upstream itself says about that, for the page. */
  readonly said: string | undefined

  /** @param message - For the log. */
  constructor(message: string, { said, ...options }: ErrorOptions & { said?: string | undefined } = {}) {
    super(message, options)
    this.said = said
  }
}

/** Its answer cannot be understood yet; it can soon. */
export class UpstreamBehindError extends UpstreamError {
  override readonly name = 'UpstreamBehindError'
  readonly outcome = 'behind'
}

/** The upstream could not be asked. */
export class UpstreamUnavailableError extends UpstreamError {
  override readonly name = 'UpstreamUnavailableError'
  readonly outcome = 'away'
}

/** The upstream does not accept this server as its client, or answers what it must not: nothing that a person can mend. */
export class UpstreamMisconfiguredError extends UpstreamError {
  override readonly name = 'UpstreamMisconfiguredError'
  readonly outcome = 'rejected_us'
}
