import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import crossSpawn from 'cross-spawn'

/** A command with all that it starts: npx starts npm, which starts a server. */
export interface ProcessTree {
  readonly child: ChildProcess
  /** Of the command; `undefined` when it could not be started. */
  readonly pid: number | undefined
  /** Whether anything of it runs. On Windows: the command itself. */
  isRunning(): boolean
  /** Asks it to end. Windows has no such signal: there it ends at once. */
  terminate(): void
  kill(): void
}

/**
 * Starts a command, never through a shell. On Windows, where `npx` is a file of commands that only `cmd.exe` runs, `cross-spawn` starts
 * that one and escapes the arguments for it (Node, "Spawning .bat and .cmd files on Windows").
 *
 * @param platform - Of `process.platform`; a parameter for tests.
 */
export function startTree(
  command: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env'>,
  platform: NodeJS.Platform = process.platform,
): ProcessTree {
  const common: SpawnOptions = { ...options, stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true }
  if (platform === 'win32') return windowsTree(crossSpawn(command, [...args], common))
  return processGroup(spawn(command, args, { ...common, detached: true }))
}

/** A process group of its own (POSIX): a signal reaches all of it that has not left the group. */
function processGroup(child: ChildProcess): ProcessTree {
  const { pid } = child
  const send = (signal: NodeJS.Signals | 0) => pid !== undefined && sent(-pid, signal)
  return {
    child,
    pid,
    isRunning: () => send(0),
    terminate: () => void send('SIGTERM'),
    kill: () => void send('SIGKILL'),
  }
}

/** Windows has no process groups and no signals: what the command started is found by whose child it is, while the command runs. */
function windowsTree(child: ChildProcess): ProcessTree {
  const { pid } = child
  const end = () => endWindowsTree(child)
  return { child, pid, isRunning: () => pid !== undefined && sent(pid, 0), terminate: end, kill: end }
}

/** Ends a process of Windows, and all that it has started. */
export function endWindowsTree(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const { SystemRoot = 'C:\\Windows' } = process.env
  spawn(`${SystemRoot}\\System32\\taskkill.exe`, ['/PID', String(child.pid), '/T', '/F'], {
    stdio: 'ignore',
    windowsHide: true,
  }).once('error', () => child.kill())
}

function sent(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
