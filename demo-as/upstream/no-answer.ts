import { type Keep, type NoAnswer, UpstreamError } from './upstream.ts'

/** An upstream that has said nothing about somebody yet. `reason` is for the log, `said` its own words about that. */
export interface Unanswered {
  outcome: NoAnswer
  reason: string
  said?: string
}

/** What follows when an upstream says nothing. Whatever it is, nobody loses what they have. */
export interface Consequences {
  /** Name in the log; app/observe/log.ts has its level. */
  event: string
  /** For the client that wanted to refresh, which gets 503 `temporarily_unavailable`. */
  description: string
  /** After which time it is worth trying again. */
  retrySeconds: number
}

export const CONSEQUENCES: Readonly<Record<NoAnswer, Consequences>> = {
  behind: {
    event: 'upstream_behind',
    description: 'the answer of the identity provider cannot be checked yet',
    retrySeconds: 5,
  },
  away: {
    event: 'upstream_unavailable',
    description: 'the identity provider does not answer',
    retrySeconds: 10,
  },
  // 503 as well: clients answer a 500 by sending the person through the browser, which mends nothing.
  rejected_us: {
    event: 'upstream_rejected_us',
    description: 'the identity provider does not accept this server',
    retrySeconds: 60,
  },
}

/**
 * What an upstream answers, or that it does not.
 *
 * @param store - What `keep` of the upstream does.
 * @throws {Error} `store` failed, whatever the upstream made of it; or a bug.
 */
export async function answerOf<T>(store: Keep, ask: (keep: Keep) => Promise<T>): Promise<T | Unanswered> {
  let failed: { error: unknown } | undefined
  const keep: Keep = value =>
    store(value).catch(error => {
      failed = { error }
      throw error
    })
  const answer = await ask(keep).catch((error: unknown): Unanswered => {
    if (!failed && error instanceof UpstreamError) {
      const { outcome, message: reason, said } = error
      return { outcome, reason, said }
    }
    throw failed ? failed.error : error
  })
  if (failed) throw failed.error
  return answer
}
