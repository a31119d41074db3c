import { appendFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { signIn } from '../support/browser.ts'

/** Who sits in front of the browser, as the environment of a client says it. */
export interface Person {
  /** Whom they pick on the sign-in page. */
  PERSON_LOGIN: string
  /** Origin of the provider at which a bridge signs people in; empty: none. */
  PERSON_PROVIDER: string
  /** File to which the URLs are added that the client opened, one a line. */
  PERSON_LOG: string
}

// This is the program that clients start as their browser: `xdg-open URL`. It signs in, consents, and goes where that leads.
if (import.meta.main) {
  const { PERSON_LOGIN, PERSON_PROVIDER, PERSON_LOG } = process.env as unknown as Person
  const url = process.argv.find(argument => /^https?:/.test(argument))
  if (url === undefined) throw new Error(`no URL among ${process.argv.slice(2)}`)
  appendFileSync(PERSON_LOG, `${url}\n`)
  const callback = await signIn(url, { user: PERSON_LOGIN, provider: PERSON_PROVIDER || undefined })
  await (await reload(callback)).text()
}

const MOST_RELOADS = 600

/**
 * Opens a page, again and again while nothing listens there: mcp-remote opens the browser for a step-up before it listens for the
 * answer, and nobody else is as fast as this program.
 */
async function reload(url: URL): Promise<Response> {
  for (let reloads = 1; ; reloads++) {
    try {
      return await fetch(url)
    } catch (error) {
      if (reloads === MOST_RELOADS) throw error
      await setTimeout(100)
    }
  }
}
