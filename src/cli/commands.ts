import { Command, CommanderError } from 'commander'
import { registerDoctor } from './doctor/command.ts'
import { EXIT } from './exit.ts'
import { registerExplain } from './explain/command.ts'
import { registerInit } from './init/command.ts'
import { registerKeys } from './keys/command.ts'
import { registerMigrate } from './migrate/command.ts'

/** Runs the commands that need no server of ours. Wrong arguments end the process with 2. */
export async function runCommand(argv: readonly string[]): Promise<void> {
  const program = new Command('idplug').exitOverride()
  registerDoctor(program)
  registerExplain(program)
  registerInit(program)
  registerKeys(program)
  registerMigrate(program)
  for (const command of program.commands) for (const each of [command, ...command.commands]) each.exitOverride()
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage
  }
}
