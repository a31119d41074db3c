import type { Unanswered } from '../upstream/no-answer.ts'
import type { Identification } from '../upstream/upstream.ts'
import { type Html, html, OwnAddress } from './html.ts'
import { messagePage } from './messages.ts'
import type { Purpose } from './purpose.ts'

/** Every way in which a sign-in at the upstream can fail. */
export type Refused = Exclude<Identification, { outcome: 'signed_in' }> | Unanswered

/**
 * The page for somebody who did not get in.
 *
 * @param upstream - Its name.
 * @param again - Path at which the sign-in starts over.
 * @param purpose - What the sign-in was for. Default: the page does not say.
 */
export function refusal(
  upstream: string,
  refused: Refused,
  again: string,
  purpose?: Purpose,
): { page: Html; status: number } {
  switch (refused.outcome) {
    case 'nobody':
      return { page: nobodyPage(upstream, refused, again, purpose), status: 400 }
    case 'not_allowed':
      return { page: notAllowedPage(upstream, refused.words, again, purpose), status: 403 }
    case 'behind':
    case 'away':
      return { page: unavailablePage(upstream, again, purpose), status: 503 }
    case 'rejected_us':
      return { page: misconfiguredPage(upstream, refused.said, purpose), status: 500 }
  }
}

type Nobody = Extract<Identification, { outcome: 'nobody' }>

function nobodyPage(upstream: string, { words, said }: Nobody, again: string, purpose?: Purpose): Html {
  return messagePage(
    'Nobody signed in',
    html`${words ?? `You came back from ${upstream} without a sign-in.`} Nothing has been decided.${quoted(upstream, said)}`,
    html`You can <a href="${new OwnAddress(again)}">try again</a>, or go back to the application.`,
    purpose,
  )
}

function notAllowedPage(upstream: string, words: string, again: string, purpose?: Purpose): Html {
  return messagePage(
    'You do not have access',
    `You are signed in at ${upstream}, but this server does not let you in. ${words}`,
    html`You can <a href="${new OwnAddress(again)}">sign in with another account</a>, or ask the people who run this server.`,
    purpose,
  )
}

function unavailablePage(upstream: string, again: string, purpose?: Purpose): Html {
  return messagePage(
    `${upstream} is not responding`,
    'It could not be asked who you are. Nothing has been decided.',
    html`Wait a moment, then <a href="${new OwnAddress(again)}">try again</a>.`,
    purpose,
  )
}

/** @param said - Words of the provider, which are not ours. */
function quoted(upstream: string, said: string | undefined): Html | undefined {
  return said === undefined ? undefined : html` ${upstream} says: <q>${said}</q>`
}

function misconfiguredPage(upstream: string, said: string | undefined, purpose?: Purpose): Html {
  return messagePage(
    'This server is not set up correctly',
    html`${upstream} does not accept this server, or its answer cannot be understood. You did nothing wrong.${quoted(upstream, said)}`,
    'Tell the people who run this server; its log says what is wrong.',
    purpose,
  )
}
