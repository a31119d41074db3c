import { setTimeout as wait } from 'node:timers/promises'
import { ConfigError, type Declarations } from 'idplug'
import { type Configuration, type Environment, type LoadOptions, loadConfiguration } from 'idplug/internal'
import type { Logger } from 'pino'
import { DATA_FOLDER, readEnvironment } from '../environment.ts'
import { createLogger } from '../observe/log.ts'
import { localIssuerWarning } from './local-issuer.ts'

/** What a program starts with. */
export interface Surroundings {
  readonly configuration: Configuration
  readonly env: Environment
  readonly logger: Logger
  /** Aborts when the process is told to stop, some seconds before the program is closed. Default: only the end itself is noticed. */
  readonly stopping?: AbortSignal
}

export interface Program {
  /** Logged when it has started. */
  readonly facts: Readonly<Record<string, unknown>>
  /** For a person at a terminal, in place of the log line. */
  readonly banner: string
  /** Finishes requests in flight, then stops. */
  close(): Promise<void>
}

export interface ProgramOptions extends Omit<LoadOptions, 'file' | 'resources' | 'dataFolder'> {
  /** The servers that it is about. */
  readonly declarations: (env: Environment) => Declarations
  /** Settings that the program fixes, whatever the environment says. */
  readonly fixed?: (env: Environment) => Environment
}

/** Load balancers ask every few seconds whether a process is ready. */
const DEFAULT_DRAIN_SECONDS = 5

/**
 * Runs a server as a process: reads the configuration, starts, and stops at SIGINT or SIGTERM. After SIGTERM it first says for
 * `DRAIN_SECONDS` that it is not ready, and works on; after a second signal it ends at once, with 1. A configuration that cannot work
 * ends the process with 1 and a message without a stack.
 */
export async function runProgram(
  start: (surroundings: Surroundings) => Promise<Program>,
  { fixed, declarations, ...options }: ProgramOptions,
): Promise<void> {
  let program: Program
  let logger: Logger
  let drainSeconds: number
  const stop = new AbortController()
  try {
    const read = readEnvironment('server')
    const env = { ...read.env, ...fixed?.(read.env) }
    const configuration = loadConfiguration(env, {
      ...options,
      resources: declarations(env),
      file: read.file,
      dataFolder: DATA_FOLDER,
    })
    for (const { setting, problem } of configuration.warnings) console.error(`Warning: ${setting} ${problem}`)
    const warning = localIssuerWarning(configuration)
    if (warning) console.error(`Warning: ${warning}`)
    const { LOG_LEVEL, DRAIN_SECONDS = process.stdout.isTTY ? 0 : DEFAULT_DRAIN_SECONDS } = configuration.settings
    logger = createLogger(LOG_LEVEL)
    drainSeconds = DRAIN_SECONDS
    program = await start({ configuration, env, logger, stopping: stop.signal })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(`idplug does not start. ${error.message}`)
    process.exit(1)
  }

  // Before anybody is told that it runs: who waits for that may stop it at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, async () => {
      // A second one means it.
      if (stop.signal.aborted) process.exit(1)
      stop.abort(new Error('the server is shutting down'))
      // Ctrl+C comes from a person, who waits.
      const seconds = signal === 'SIGTERM' ? drainSeconds : 0
      logger.info({ event: 'stopping', signal, drain_seconds: seconds })
      await wait(seconds * 1000)
      await program.close()
      logger.flush()
      process.exit(0)
    })
  }
  logger.info({ event: 'started', ...program.facts })
  if (process.stdout.isTTY) console.log(`\n${program.banner}\n\n  Ctrl+C stops.\n`)
}
