import { type Challenge, parameterOf, parseChallenges } from './challenge.ts'
import type { Exchange } from './exchange.ts'
import { type Era, hello, type Message, message } from './messages.ts'
import { remembered, type Target } from './target.ts'

export const ERAS: readonly Era[] = ['2025-11-25', '2026-07-28']

/** Methods that a server without open methods refuses to anybody; calling them changes nothing. */
export function probes(era: Era): readonly Message[] {
  const list = [hello(era), message(era, 'tools/list')]
  return era === '2025-11-25' ? [...list, message(era, 'ping')] : list
}

/** A request without a token, of the first method that is not declared open, in the revision that the server speaks. */
export const bare = remembered(async (target: Target): Promise<Exchange> => {
  const candidates = ERAS.flatMap(era => probes(era).filter(({ method }) => !target.openMethods.has(method)))
  let first: Exchange | undefined
  for (const candidate of candidates) {
    const found = await target.call(candidate)
    // A server of one revision may refuse the other for its form before it looks for a token.
    if (found.status === 401 || (found.status >= 200 && found.status < 300)) return found
    first ??= found
  }
  return first ?? target.call(message('2026-07-28', 'tools/call', { name: 'idplug-conformance', arguments: {} }))
})

/** The challenge for bearer tokens of {@link bare}; of DPoP where there is no other. */
export const challenge = remembered(async (target: Target): Promise<Challenge | undefined> => {
  const found = await bare(target)
  return found.status === 401 ? challengeOf(found) : undefined
})

/** The challenge of an answer that a client would act on. */
export function challengeOf({ headers }: Exchange): Challenge | undefined {
  const { challenges } = parseChallenges(headers.get('www-authenticate') ?? '')
  return ['bearer', 'dpop'].map(wanted => challenges.find(({ scheme }) => scheme === wanted)).find(Boolean)
}

export function parameter(exchange: Exchange, name: string): string | undefined {
  return parameterOf(challengeOf(exchange), name)
}

/** How an answer is spoken of. */
export function answerOf({ status, failure }: Exchange): string {
  return status === 0 ? `no answer (${failure})` : `status ${status}`
}
