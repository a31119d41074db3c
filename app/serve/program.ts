import { ConfigError, type Declarations } from 'idplug'
import { type Configuration, type Environment, type LoadOptions, loadConfiguration } from 'idplug/internal'
import type { Logger } from 'pino'
import { readEnvironment } from '../environment.ts'
import { createLogger } from '../observe/log.ts'

export interface Program {
  /** Logged when it has started. */
  readonly facts: Readonly<Record<string, unknown>>
  /** For a person at a terminal, in place of the log line. */
  readonly banner: string
  /** Finishes requests in flight, then stops. */
  close(): Promise<void>
}

export interface ProgramOptions extends Omit<LoadOptions, 'file' | 'resources'> {
  /** The servers that it is about. */
  readonly declarations: (env: Environment) => Declarations
  /** Settings that the program fixes, whatever the environment says. */
  readonly fixed?: (env: Environment) => Environment
}

/**
 * Runs a server as a process: reads the configuration, starts, and stops at SIGINT or SIGTERM. A configuration that cannot
 * work ends the process with 1 and a message without a stack.
 */
export async function runProgram(
  start: (configuration: Configuration, env: Environment, logger: Logger) => Promise<Program>,
  { fixed, declarations, ...options }: ProgramOptions,
): Promise<void> {
  let program: Program
  let logger: Logger
  try {
    const read = readEnvironment('server')
    const env = { ...read.env, ...fixed?.(read.env) }
    const configuration = loadConfiguration(env, { ...options, resources: declarations(env), file: read.file })
    for (const { setting, problem } of configuration.warnings) console.error(`Warning: ${setting} ${problem}`)
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
