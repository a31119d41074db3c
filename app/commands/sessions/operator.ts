import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { destination, type Logger } from 'pino'
import { type Administration, createAdministration } from '../../../demo-as/administration.ts'
import { createLogger } from '../../observe/log.ts'
import { withOpenStore } from '../open-store.ts'

/** Options of every command that looks at who is in. */
export interface OperatorOptions {
  json?: boolean
  as?: string
}

export interface Operator {
  readonly administration: Administration
  /** Who wants it, for the audit log: `--as`, or the user of this machine. */
  readonly by: string
  /** Lines for the audit log, on standard error: standard output has the result. */
  readonly audit: Logger
}

/**
 * Opens the store of the server, lets a command work on it, and closes it. What cannot be done ends with a sentence.
 *
 * @param work - Returns the exit code.
 */
export const withStore = (
  command: Command,
  { as }: OperatorOptions,
  work: (operator: Operator) => Promise<number>,
): Promise<void> =>
  withOpenStore(command, 'who is in is known to the running process alone', async ({ stores }, { settings }) => {
    const administration = createAdministration(stores, settings.REVOKE_BEFORE)
    const audit = createLogger('info', destination({ dest: 2, sync: true }))
    process.exitCode = await work({ administration, by: as ?? userOfMachine(), audit })
  })

/** Containers often run as a number that no name belongs to; Node throws then. */
function userOfMachine(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.()}`
  }
}

/** Lets out control characters, which clients may have put into their ids and names: they could change what a terminal shows. */
export const plainText = (text: string) => text.replace(/\p{C}/gu, '')

/** A name above the id that it stands for. The id is whole: other commands take it, and it may be an address or have two UUIDs in it. */
export const named = (name: string | undefined, id: string) =>
  name === undefined ? plainText(id) : `${plainText(name).slice(0, 60)}\n${plainText(id)}`

/** Time for people, to the minute. */
export const minuteOf = (seconds: number) => new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ')
