import { existsSync } from 'node:fs'
import type { Logger } from 'pino'
import { type Configuration, type Environment, loadConfiguration } from '../../config/load.ts'
import { ConfigError } from '../errors.ts'
import { createLogger } from '../observe/log.ts'

export interface Program {
  /** Logged when it has started. */
  readonly facts: Readonly<Record<string, unknown>>
  /** For a person at a terminal, in place of the log line. */
  readonly banner: string
  /** Finishes requests in flight, then stops. */
  close(): Promise<void>
}

/** The environment, filled up from `.env` in the working directory where there is one. What is set already stays. */
export function readEnvironment(): Environment {
  if (existsSync('.env')) process.loadEnvFile()
  return process.env
}

/**
 * Runs a server as a process: reads the configuration, starts, and stops at SIGINT or SIGTERM. A configuration that cannot
 * work ends the process with 1 and a message without a stack.
 */
export async function runProgram(
  env: Environment,
  start: (configuration: Configuration, env: Environment, logger: Logger) => Promise<Program>,
): Promise<void> {
  let program: Program
  let logger: Logger
  try {
    const configuration = await loadConfiguration(env)
    logger = createLogger(configuration.settings.LOG_LEVEL)
    program = await start(configuration, env, logger)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(`idplug does not start. ${error.message}`)
    process.exit(1)
  }

  logger.info({ event: 'started', ...program.facts })
  if (process.stdout.isTTY) console.log(`\n${program.banner}\n\n  Ctrl+C stops.\n`)

  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, async () => {
      // A second Ctrl+C means it.
      if (stopping) process.exit(1)
      stopping = true
      logger.info({ event: 'stopping', signal })
      await program.close()
      logger.flush()
      process.exit(0)
    })
  }
}
