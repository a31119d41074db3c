import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { parse } from 'yaml'

const packageFolder = dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'))

interface Check {
  id: string
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
  errorMessage?: string
}

export interface Shortcoming extends Check {
  scenario: string
}

export interface SuiteRun {
  exitCode: number
  /** Everything that the suite printed. */
  output: string
  /** Scenarios that passed as the suite counts it: no check failed. Here at least one must have succeeded as well. */
  passed: ReadonlySet<string>
  /** Every failure and every warning. */
  shortcomings: readonly Shortcoming[]
}

/**
 * Runs the official conformance suite in a process of its own.
 *
 * @param onLine - Told every line that the suite prints. When it fails, the run is broken off.
 * @throws What `onLine` throws.
 */
export async function runSuite(
  args: readonly string[],
  onLine: (line: string) => Promise<void> | undefined = () => undefined,
): Promise<SuiteRun> {
  const results = await mkdtemp(join(tmpdir(), 'conformance-'))
  const command = [join(packageFolder, 'dist', 'index.js'), ...args, '--output-dir', results]
  const suite = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const read = async (stream: Readable) => {
    for await (const line of createInterface(stream)) {
      output += `${line}\n`
      await onLine(line)
    }
  }
  try {
    const [[exitCode]] = await Promise.all([once(suite, 'close'), read(suite.stdout), read(suite.stderr)])
    return { exitCode, output, ...(await readResults(results)) }
  } finally {
    suite.kill()
    await rm(results, { recursive: true })
  }
}

/** The suite writes one folder per scenario, named by role (but for clients), scenario and time. */
async function readResults(folder: string): Promise<Pick<SuiteRun, 'passed' | 'shortcomings'>> {
  const passed = new Set<string>()
  const shortcomings: Shortcoming[] = []
  for (const path of await readdir(folder, { recursive: true })) {
    if (basename(path) !== 'checks.json') continue
    const name = dirname(path)
    const scenario = /^(?:server-|authorization-server-)?(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(name)?.[1]
    if (scenario === undefined) throw new Error(`The suite wrote ${name}, which names no scenario`)
    const checks: Check[] = JSON.parse(await readFile(join(folder, path), 'utf8'))
    const has = (wanted: Check['status']) => checks.some(({ status }) => status === wanted)
    if (has('SUCCESS') && !has('FAILURE')) passed.add(scenario)
    for (const { id, status, errorMessage } of checks) {
      if (status === 'FAILURE' || status === 'WARNING') shortcomings.push({ scenario, id, status, errorMessage })
    }
  }
  return { passed, shortcomings }
}

/** Scenarios that conforming to a revision takes, as the suite's own list has them. */
export async function requiredOf(role: 'server' | 'client', revision: string): Promise<string[]> {
  return parse(await readFile(join(packageFolder, 'requirements', `${revision}.yaml`), 'utf8'))[role]
}
