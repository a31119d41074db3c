#!/usr/bin/env node
if (process.argv.length > 2) {
  const { runCommand } = await import('./cli/commands.ts')
  await runCommand(process.argv)
} else {
  const { readEnvironment, runProgram } = await import('./cli/program.ts')
  const { start } = await import('./cli/start.ts')
  await runProgram(readEnvironment(), start)
}
