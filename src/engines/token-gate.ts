import { InvalidTokenError, MisconfigurationError, ValidatorUnavailableError } from '../errors.ts'
import type { TokenSender } from '../token-validator.ts'
import { createFairQueue } from './fair-queue.ts'
import { createProviderGate, isProviderFailure } from './provider-gate.ts'

export interface TokenGateOptions {
  /** Who is asked, for reasons. */
  readonly endpoint: () => string
  /** Asks about something that is nobody's token. The endpoint works if it answers, also by refusing that. */
  readonly trial: () => Promise<unknown>
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
}

/** The gate in front of an endpoint that is asked about one token at a time, often with our credentials. */
export interface TokenGate {
  /** Makes sure that the endpoint works. Asks it once until it does, and again only after it has failed. */
  warmUp(): Promise<void>
  /**
   * Asks about one token, when it is the turn of its sender. While the endpoint fails no token is shown to it: one trial for
   * everybody, after each back-off, tells when it works again.
   */
  ask<T>(call: () => Promise<T>, sender?: TokenSender): Promise<T>
}

/** How long an endpoint that worked although a token had failed is given the benefit of the doubt, in seconds. */
const VOUCHED_SECONDS = 300

/** How long all others wait for the first call of all, in milliseconds: it tells whether the endpoint works. */
const PILOT_MILLISECONDS = 250

/** Statuses by which servers refuse a request for the sake of the token in it: in the body, or in a header (431). */
const TOKEN_STATUSES: readonly number[] = [400, 413, 422, 431]
/** Error codes that are about this server, whatever the status (RFC 6749 §5.2). */
const OWN_ERRORS: readonly unknown[] = ['invalid_client', 'unauthorized_client', 'invalid_scope', 'access_denied']

/**
 * A token that makes the endpoint fail must not lock everybody else out, and anybody can send one. So an endpoint whose first
 * trial after a failure succeeds is trusted for a while: during it, the back-off begins only if a trial fails as well.
 */
export function createTokenGate({ endpoint, trial, now }: TokenGateOptions): TokenGate {
  const queue = createFairQueue(endpoint)
  let works = false
  let trialWorked = false
  let vouchedUntil = 0
  /** The first call of all, until it is over or has taken too long. */
  let pilot: Promise<void> | undefined

  const gate = createProviderGate(async () => {
    const mayBeTheToken = gate.failures === 1 && !isWish(gate.failure)
    try {
      await trial()
      trialWorked = true
    } catch (error) {
      if (error instanceof InvalidTokenError) trialWorked = true
      // An endpoint that answers about tokens, and has never been able to read the trial, tells nothing by refusing it.
      else if (!works || trialWorked || !mayBeAboutToken(error)) throw error
    }
    works = true
    if (mayBeTheToken) vouchedUntil = now() + VOUCHED_SECONDS * 1000
  }, now)

  async function failed(error: unknown): Promise<void> {
    if (works && !trialWorked && mayBeAboutToken(error)) return
    const isDoubtful = (now() < vouchedUntil && !isWish(error)) || mayBeAboutToken(error)
    if (isDoubtful && gate.failure === undefined) await gate.ask().catch(() => {})
    else gate.failed(error)
  }

  async function attempt<T>(call: () => Promise<T>): Promise<T> {
    try {
      const answer = await call()
      works = true
      return answer
    } catch (error) {
      if (error instanceof InvalidTokenError) works = true
      if (isProviderFailure(error)) await failed(error)
      throw error
    }
  }

  return {
    async warmUp() {
      if (pilot) await pilot
      if (works && gate.failure === undefined) return
      const trying = gate.ask()
      pilot ??= overOrLate(trying)
      await trying
    },
    ask: (call, sender) =>
      queue(sender?.address, async () => {
        if (pilot) await pilot
        if (gate.failure !== undefined) await gate.ask()
        const answer = attempt(call)
        if (!works) pilot ??= overOrLate(answer)
        return answer
      }),
  }
}

/** Resolves when a call is over, whatever its end, or takes longer than others should wait for it. */
function overOrLate(call: Promise<unknown>): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, PILOT_MILLISECONDS)
    const over = () => {
      clearTimeout(timer)
      resolve()
    }
    call.then(over, over)
  })
}

/**
 * Whether an endpoint may have refused a request for the sake of the token in it. Before the endpoint has worked, that may as well be
 * a mistake in the settings.
 */
export function mayBeAboutToken(error: unknown): boolean {
  if (!(error instanceof MisconfigurationError)) return false
  const { reason } = error
  // Its form may follow from the client that the token was issued to.
  if (reason.kind === 'answer_unsupported') return true
  if (reason.kind !== 'endpoint_refused_request' || !('status' in reason)) return false
  return TOKEN_STATUSES.includes(reason.status) && !OWN_ERRORS.includes(reason.error)
}

/** Whether the provider said itself when it wants to be asked again. */
function isWish(error: unknown): boolean {
  return error instanceof ValidatorUnavailableError && error.askedSeconds !== undefined
}
