import type { MapMessage } from '../sessions/answers.ts'
import type { Person } from '../sessions/connection.ts'
import { createSessionTarget, personKey } from '../sessions/target.ts'
import type { Target } from '../target.ts'
import { commandEnvironment } from './environment.ts'
import { createFloodGate } from './flood-gate.ts'
import { createOrphanGuard } from './orphan-guard.ts'
import { createRestarts } from './restarts.ts'
import { startServerProcess } from './server-process.ts'

export interface StdioTargetOptions {
  /** Program that speaks MCP on its standard input and output. Not a shell's command line. */
  readonly command: string
  readonly args?: readonly string[]
  /** Default: ours. */
  readonly cwd?: string
  /**
   * `session` (default): each session has a process of its own. `person`: sessions of one issuer and subject share a process if their
   * clients declare the same protocol version and capabilities. Requests of 2026-07-28, which has no sessions, share a process per
   * person either way; those of anonymous callers share one.
   */
  readonly processPer?: 'session' | 'person'
  /** Environment that `PATH`, `HOME` and the variables named in `passEnvironment` are taken from. Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv
  /** Names of variables that the command gets besides `PATH` and `HOME`. Default: none. */
  readonly passEnvironment?: readonly string[]
  /** Variables for the command, with their values. */
  readonly environment?: Readonly<Record<string, string>>
  /**
   * Says in `MCP_CALLER_ISSUER`, `MCP_CALLER_SUBJECT` and, for a process per session, `MCP_CALLER_CLIENT` who the process is for.
   * Not set for anonymous callers. Default: false.
   */
  readonly callerEnvironment?: boolean
  /** Seconds without a request or an open stream after which a session, or the process of a person, ends. Default: 300. */
  readonly idleSeconds?: number
  /** Seconds that a call may take; then 504, and the server is told that it is cancelled. Default: 300. */
  readonly callTimeoutSeconds?: number
  /** Sessions, and processes beside sessions, of one issuer and subject; more are refused with 503. Anonymous callers count as one. Default: 10. */
  readonly maxPerPerson?: number
  /** The same of all together. Default: 100. */
  readonly maxTotal?: number
  /** Requests that one process has not answered yet; more are refused with 503. Default: 100. */
  readonly maxOpenRequests?: number
  /**
   * Sees every message to a client, and returns what the client gets instead; `undefined`: nothing. Where it throws, the client gets an
   * error in place of a response, and nothing in place of anything else.
   */
  readonly mapMessage?: MapMessage
  /** Told about errors that are bugs: what `mapMessage` threw. */
  readonly onError?: (error: unknown) => void
  /** For the log. */
  readonly onEvent?: (event: StdioEvent) => void
}

/** What happens to processes. `pid` is `undefined` for one that could not be started, `person` for one of anonymous callers. */
export type StdioEvent =
  | { readonly event: 'command_started'; readonly pid: number | undefined; readonly person: Person | undefined }
  /** A line of its standard error, 4,096 characters at most. */
  | { readonly event: 'command_stderr'; readonly pid: number | undefined; readonly line: string }
  /** Something on its standard output is not a message, or one that nobody waits for. */
  | { readonly event: 'command_invalid_output'; readonly pid: number | undefined; readonly reason: string }
  /** It wrote so much that so many lines, or things that are not messages, were not told. */
  | {
      readonly event: 'command_output_dropped'
      readonly pid: number | undefined
      readonly stream: 'stdout' | 'stderr'
      readonly lines: number
    }
  /** `expected`: it was told to end. */
  | {
      readonly event: 'command_ended'
      readonly pid: number | undefined
      readonly reason: string
      readonly expected: boolean
    }
  /** Without the guard, commands that do not end with their standard input outlive a gateway that is killed. */
  | { readonly event: 'orphan_guard_failed'; readonly message: string }

/**
 * An MCP server that runs as a command and speaks MCP on its standard input and output, in front of which sessions, ids and streams
 * of Streamable HTTP are ours.
 *
 * @throws {TypeError} `passEnvironment` names a setting of the gateway's own sign-in.
 */
export function createStdioTarget(options: StdioTargetOptions): Target {
  const { command, args = [], onEvent = () => {} } = options
  const env = {
    ...commandEnvironment(options.env ?? process.env, options.passEnvironment ?? []),
    ...options.environment,
  }
  const guard = createOrphanGuard(({ message }) => onEvent({ event: 'orphan_guard_failed', message }))
  const restarts = createRestarts()
  return createSessionTarget({
    connect({ person, isShared }, { onMessage, onMalformed, onEnd }) {
      const name = personKey(person)
      let isAlive = false
      const dropped = (stream: 'stdout' | 'stderr') => (lines: number) =>
        onEvent({ event: 'command_output_dropped', pid: child.pid, stream, lines })
      const [lines, junk] = [createFloodGate(dropped('stderr')), createFloodGate(dropped('stdout'))]
      const child = startServerProcess({
        command,
        args,
        cwd: options.cwd,
        env: options.callerEnvironment ? { ...env, ...callerEnvironment(person, !isShared) } : env,
        guard,
        onMessage(message) {
          if (!isAlive) restarts.succeeded(name)
          isAlive = true
          return onMessage(message)
        },
        onMalformed,
        onEnd(end) {
          const { reason, expected } = end
          lines.close()
          junk.close()
          onEvent({ event: 'command_ended', pid: child.pid, reason, expected })
          if (!isAlive && !expected) restarts.failed(name, reason)
          onEnd(end)
        },
        onLine: line => lines.passes() && onEvent({ event: 'command_stderr', pid: child.pid, line }),
        onInvalid: reason => junk.passes() && onEvent({ event: 'command_invalid_output', pid: child.pid, reason }),
      })
      onEvent({ event: 'command_started', pid: child.pid, person })
      return child
    },
    unavailable(person) {
      const wait = restarts.wait(person)
      if (!wait) return undefined
      const message = `The MCP server ended as soon as it was started (${wait.reason}); it is started again in ${wait.seconds} seconds. The log of the gateway may say why.`
      return { status: 503, message, headers: { 'Retry-After': String(wait.seconds) } }
    },
    onSweep: restarts.sweep,
    onClosed: guard.close,
    connectionPer: options.processPer ?? 'session',
    takesSessionless: true,
    idleSeconds: options.idleSeconds ?? 300,
    callTimeoutSeconds: options.callTimeoutSeconds ?? 300,
    maxPerPerson: options.maxPerPerson ?? 10,
    maxTotal: options.maxTotal ?? 100,
    maxOpenRequests: options.maxOpenRequests ?? 100,
    mapMessage: options.mapMessage,
    onError: options.onError ?? (() => {}),
  })
}

function callerEnvironment(person: Person | undefined, isOfOneClient: boolean): Record<string, string> {
  if (!person) return {}
  const { issuer, subject, clientId } = person
  return {
    MCP_CALLER_ISSUER: issuer,
    MCP_CALLER_SUBJECT: subject,
    ...(isOfOneClient && { MCP_CALLER_CLIENT: clientId }),
  }
}
