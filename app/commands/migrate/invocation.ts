import type { Command } from 'commander'
import { ConfigError } from 'idplug'
import { EXIT } from '../exit.ts'
import { OtherRunError } from './import-files.ts'
import { MetricsError } from './status.ts'

/** A command as it was called. */
export interface Invocation<O> {
  readonly options: O
  readonly urls: readonly string[]
  /** Ends the process with 2. */
  usage(message: string): never
}

/** The action of a command: its result is the exit code, and errors that tell users what to do are told without a stack. */
export function run<O>(action: (invocation: Invocation<O>) => Promise<number>): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command
    const [urls = []] = args.length > 2 ? [args[0] as string[]] : []
    try {
      process.exitCode = await action({
        options: command.opts() as O,
        urls,
        usage: message => command.error(`error: ${message}`, { exitCode: EXIT.usage }),
      })
    } catch (error) {
      if (!isForUser(error)) throw error
      command.error(`error: ${(error as Error).message}`, { exitCode: EXIT.usage })
    }
  }
}

function isForUser(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  const isFileError = typeof code === 'string' && /^(E[A-Z]+|CSV_)/.test(code)
  return isFileError || [ConfigError, MetricsError, OtherRunError, RangeError].some(kind => error instanceof kind)
}
