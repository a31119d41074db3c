#!/usr/bin/env node
if (process.argv.length > 2) {
  const { runCommand } = await import('./commands/index.ts')
  await runCommand(process.argv)
} else {
  const { runProgram } = await import('./serve/program.ts')
  const { start } = await import('./serve/start.ts')
  const { notes } = await import('./notes/declaration.ts')
  await runProgram(start, { declarations: () => ({ notes }) })
}
