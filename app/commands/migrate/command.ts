import type { Command } from 'commander'
import { registerLink } from './link-command.ts'
import { registerStatus } from './status-command.ts'
import { registerUsers } from './users-command.ts'

export function registerMigrate(program: Command): void {
  const migrate = program.command('migrate').description('move to another provider, step by step (docs/migration.md)')
  registerStatus(migrate)
  registerUsers(migrate)
  registerLink(migrate)
}
