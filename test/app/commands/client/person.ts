import { signIn } from '../../../support/browser.ts'
import { addressIn } from './support.ts'

/**
 * Signs in as the program asks for it, and goes where the browser is sent in the end.
 *
 * @param provider - Origin of the provider, where a bridge signs people in there.
 */
export function personAt(user = 'ada', decision: 'allow' | 'deny' = 'allow', provider?: string) {
  let isDone = false
  return async (said: string): Promise<undefined> => {
    const address = addressIn(said)
    if (!address || isDone) return
    isDone = true
    await (await fetch(await signIn(address, { user, decision, provider }))).text()
  }
}
