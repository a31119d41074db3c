import type { Endured, Outcome } from '../../app/commands/doctor/client-facts.ts'
import { READ, shortened, WRITE } from './calls.ts'
import type { RealClient, Session } from './client.ts'
import type { Place } from './kinds.ts'
import { startPlace } from './places.ts'

type Call = () => Promise<void>

/**
 * Signs in once and then lets happen, one after the other, what happens to everybody in the course of weeks.
 *
 * @returns `problems`: what went wrong, shortened, in the words of the client; for people.
 */
export async function endure(client: RealClient, place: Place): Promise<{ endured: Endured; problems: string[] }> {
  const problems: string[] = []
  const running = await startPlace(place)
  let session: Session = client.start(running)
  let isLost = false

  const reads = calls(READ)
  const writes = calls(WRITE)
  function calls([tool, args, answer]: readonly [string, Readonly<Record<string, string>>, string]): Call {
    return async () => {
      const text = await session.call(tool, args)
      if (!text.includes(answer)) throw new Error(`wrong answer: ${text}`)
    }
  }

  /** Whether it did not throw. */
  async function succeeds(what: string, attempt: Call): Promise<boolean> {
    try {
      await attempt()
      return true
    } catch (error) {
      problems.push(`${what}: ${shortened(String((error as Error).message))}`)
      return false
    }
  }

  async function signedIn(): Promise<void> {
    if (isLost) {
      await session.close()
      session = client.start(running)
      await session.connect()
    }
    await reads()
    isLost = false
  }

  /** What the client and its person have to do until the call works. @param before - Windows that were opened until it happened. */
  async function outcomeOf(what: string, call: Call, before = session.opened().length): Promise<Outcome> {
    if (await succeeds(what, call)) return session.opened().length > before ? 'opens the browser' : 'goes on'
    const { reopen } = session
    if (reopen && (await succeeds(`${what}, program started anew`, () => reopen().then(call)))) {
      return session.opened().length > before ? 'opens the browser' : 'goes on when started anew'
    }
    if (await succeeds(`${what}, signed in anew`, () => session.connect().then(call))) return 'needs a sign-in'
    isLost = true
    return 'fails'
  }

  async function after(what: string, happen: () => Promise<unknown>): Promise<Outcome> {
    await signedIn()
    const before = session.opened().length
    await happen()
    return outcomeOf(what, reads, before)
  }

  /** Calls while something is away, and again when it is back. */
  const outage = (what: string, takeAway: () => Promise<() => Promise<void>>) =>
    after(`after ${what}`, async () => {
      const bringBack = await takeAway()
      if (await succeeds(`during ${what}`, reads)) problems.push(`during ${what}: works`)
      await bringBack()
    })

  try {
    await session.connect()
    const restart = await after('restart', running.restart)
    const expiry = await after('expiry', running.expire)
    const { takeChecksAway, takeRenewalAway, forget } = running
    const uncheckable = takeChecksAway && (await outage('checks are away', takeChecksAway))
    const takeBothAway = takeRenewalAway && (() => running.expire().then(takeRenewalAway))
    const unrenewable = takeBothAway && (await outage('renewal is away', takeBothAway))
    const loss = forget && (await after('loss', forget))
    await signedIn()
    const stepUp = await outcomeOf('write', writes)
    const endured = {
      stepUp,
      expiry,
      restart,
      ...(loss && { loss }),
      ...(uncheckable && { uncheckable }),
      ...(unrenewable && { unrenewable }),
    }
    return { endured, problems }
  } finally {
    await session.close()
    await running.close()
  }
}
