import { signIn } from '../../../support/browser.ts'
import { addressIn } from './support.ts'

/** Signs in as the program asks for it, and goes where the browser is sent in the end. */
export function personAt(user = 'ada', decision: 'allow' | 'deny' = 'allow') {
  let isDone = false
  return async (said: string): Promise<undefined> => {
    const address = addressIn(said)
    if (!address || isDone) return
    isDone = true
    await (await fetch(await signIn(address, { user, decision }))).text()
  }
}
