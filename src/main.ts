#!/usr/bin/env node
if (process.argv.length > 2) {
  const { runCommand } = await import('./cli/commands.ts')
  await runCommand(process.argv)
} else {
  const { runProgram } = await import('./cli/program.ts')
  const { start } = await import('./cli/start.ts')
  await runProgram(start)
}
