import type { Session } from '../client.ts'
import type { Desk } from '../desk.ts'
import { type Model, wish } from './model.ts'

/** What every client does that calls tools because a model wants it to. */
export interface Speaking {
  readonly desk: Desk
  readonly model: Promise<Model>
  /** Says something to the model by way of the client. @returns What the client printed. */
  say(text: string): Promise<string>
}

/** A session of such a client, but for its sign-in. */
export function sessionOf({ desk, model, say }: Speaking): Omit<Session, 'connect'> {
  return {
    async list() {
      await say('hello')
      return (await model).tools()
    },
    call: (tool, args) => say(wish({ tool, args })),
    opened: desk.opened,
    async close() {
      await (await model).close()
      desk.close()
    },
  }
}
