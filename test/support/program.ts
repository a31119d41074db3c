import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'

export const main = new URL('../../app/main.ts', import.meta.url).pathname

export interface ProgramOptions {
  /** Beside `PATH` and where compiled code is kept; nothing else is passed on. */
  env?: Readonly<Record<string, string | undefined>>
  /** Default: an empty folder, which goes with the test. */
  cwd?: string
  /** What stands on standard input. Default: nothing, and it stays open. */
  input?: string
  /** Default: what `idplug` and `npm start` run. */
  script?: string
}

export interface Program {
  readonly child: ChildProcessWithoutNullStreams
  readonly cwd: string
  /** All that it has said so far, and each stream by itself. */
  output(): string
  stdout(): string
  stderr(): string
  /** Resolves with the exit code; `null` after a signal. */
  readonly ended: Promise<number | null>
}

/** Starts a process, which is killed when the test ends. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  const { env, cwd = mkdtempSync(join(tmpdir(), 'idplug-')), input, script = main } = options
  const program = spawnProgram([script, ...args], { cwd, env, input })
  onTestFinished(async () => {
    program.child.kill('SIGKILL')
    await program.ended
    if (options.cwd === undefined) rmSync(cwd, { recursive: true, force: true })
  })
  return program
}

export interface SpawnOptions extends Omit<ProgramOptions, 'cwd' | 'script'> {
  cwd: string
  /** In a group of its own, which can be ended with all that it starts. */
  detached?: boolean
}

/**
 * Starts a process for whoever ends it, which need not be a test.
 *
 * @param args - For Node: a script and its arguments.
 */
export function spawnProgram(args: readonly string[], { cwd, env, input, detached }: SpawnOptions): Program {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, args, { cwd, env: { PATH, NODE_COMPILE_CACHE, ...env }, detached })
  let [output, stdout, stderr] = ['', '', '']
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    output += text
    stderr += text
  })
  if (input !== undefined) child.stdin.end(input)
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { child, cwd, output: () => output, stdout: () => stdout, stderr: () => stderr, ended }
}

/** Runs a command to its end. */
export async function runProgram(args: readonly string[], options?: ProgramOptions) {
  const { ended, cwd, output, stdout, stderr } = startProgram(args, options)
  const code = await ended
  return { code, cwd, output: output(), stdout: stdout(), stderr: stderr() }
}

export interface Serving {
  /** Default: any answer. */
  isReady?: (answer: Response) => boolean
  method?: string
  /** Milliseconds. Default 60000. */
  timeout?: number
}

/**
 * Waits until a program answers.
 *
 * @throws {Error} It ended, with what it said; or it takes too long.
 */
export async function untilServing(
  { child, output }: Program,
  url: string,
  { isReady = () => true, method = 'GET', timeout = 60_000 }: Serving = {},
): Promise<void> {
  const answers = async () => {
    if (child.exitCode !== null)
      throw new Error(`${child.spawnargs.join(' ')} ended with ${child.exitCode}: ${output()}`)
    const answer = await fetch(url, { method }).catch(() => undefined)
    await answer?.body?.cancel()
    return answer !== undefined && isReady(answer)
  }
  await vi.waitUntil(answers, { timeout, interval: 50 })
}
