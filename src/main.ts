#!/usr/bin/env node
import { readEnvironment, runProgram } from './cli/program.ts'
import { start } from './cli/start.ts'

const [command, ...args] = process.argv.slice(2)
switch (command) {
  case undefined:
    await runProgram(readEnvironment(), start)
    break
  case 'emulate': {
    // A server has no use for it.
    const { emulate } = await import('./cli/emulate.ts')
    await emulate(args)
    break
  }
  case 'doctor':
  case 'explain':
  case 'init':
  case 'keys':
  case 'migrate': {
    const { runCommand } = await import('./cli/commands.ts')
    await runCommand(process.argv)
    break
  }
  default:
    console.error(
      `There is no command ${command}. Without one the server starts; idplug emulate starts a provider's emulator, idplug doctor and idplug explain say what is wrong, idplug init writes a configuration, idplug keys rotates the keys of the authorization server, idplug migrate moves to another provider.`,
    )
    process.exitCode = 2
}
