import { InvalidTokenError } from '../errors.ts'
import type { TokenValidator } from '../token-validator.ts'
import type { Authenticated } from './authenticator.ts'

export interface WatchOptions {
  validator: Pick<TokenValidator, 'validate'>
  /** Milliseconds since the Unix epoch. */
  now: () => number
  /** How often the validator is asked again, in seconds. Its cache decides how often the provider is. */
  recheckSeconds: number
}

/** A token under watch, for as long as a stream is open that it opened. */
export interface WatchedToken {
  /** Aborts when the validator refuses the token: it expired, or was revoked. */
  readonly signal: AbortSignal
  /** Ends the watch. Idempotent. */
  stop(): void
}

/** No timer of the platform waits longer. */
const LONGEST_SECONDS = 3600

/**
 * Asks the validator again at the end of the token, and from time to time before. Only its refusal ends a token: an outage does
 * not.
 */
export function watchToken(
  { token, raw, scheme, sender }: Authenticated,
  { validator, now, recheckSeconds }: WatchOptions,
): WatchedToken {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined

  function schedule(expiresAt: number): void {
    const seconds = Math.min(Math.max(1, expiresAt - now() / 1000), Math.max(1, recheckSeconds), LONGEST_SECONDS)
    timer = setTimeout(check, seconds * 1000)
    // A number on some platforms. A watch must not keep a process alive.
    if (typeof timer === 'object') timer.unref()
  }

  async function check(): Promise<void> {
    const watched = timer
    try {
      const { expiresAt } = await validator.validate(raw, undefined, scheme, sender)
      if (timer === watched) schedule(expiresAt)
    } catch (error) {
      if (timer !== watched) return
      if (error instanceof InvalidTokenError) controller.abort(error)
      else schedule(token.expiresAt)
    }
  }

  schedule(token.expiresAt)
  return {
    signal: controller.signal,
    stop() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
