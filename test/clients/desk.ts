import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shellLine } from '../support/shell-line.ts'
import type { Destination } from './client.ts'
import type { Person } from './person.ts'

const PERSON = fileURLToPath(new URL('./person.ts', import.meta.url))

export const packages = fileURLToPath(new URL('./packages/node_modules/', import.meta.url))

/** A home folder for one client, with somebody in front of it who signs in when the client opens a browser. */
export interface Desk {
  readonly home: string
  readonly env: Record<string, string>
  /** What the client opened in the browser so far. */
  opened(): URL[]
  /**
   * Runs a script of a package to its end.
   *
   * @returns What it printed. The exit code is that of the program, or 124 when it took too long.
   */
  run(script: string, ...args: readonly string[]): Promise<Ended>
  /** The same for any program. `env`: beside that of the desk; `seconds`: how long it may take, 240 by default. */
  exec(file: string, args: readonly string[], options?: ExecOptions): Promise<Ended>
  /** Removes the home folder. */
  close(): void
}

export interface ExecOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly seconds?: number
  /** Runs it in a pseudo-terminal, where `text` is typed when it has asked this. */
  readonly reply?: { readonly to: string; readonly text: string }
}

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export function createDesk({ login, provider = '' }: Destination): Desk {
  const home = mkdtempSync(join(tmpdir(), 'client-'))
  const log = join(home, 'opened.txt')
  const browser = join(home, 'xdg-open')
  // As the real one, it ends at once, while the browser goes on: mcp-remote waits for that before it listens for the answer.
  writeFileSync(browser, `#!/bin/sh\n'${process.execPath}' '${PERSON}' "$@" >/dev/null 2>&1 &\n`)
  chmodSync(browser, 0o755)
  const person: Person = { PERSON_LOGIN: login, PERSON_PROVIDER: provider, PERSON_LOG: log }
  const env = {
    ...person,
    HOME: home,
    BROWSER: browser,
    PATH: [home, process.env.PATH].join(delimiter),
    // Without a terminal the Inspector opens a browser only when it is told to.
    MCP_AUTO_OPEN_ENABLED: 'true',
  }
  return {
    home,
    env,
    opened() {
      const text = existsSync(log) ? readFileSync(log, 'utf8') : ''
      return text
        .split('\n')
        .filter(Boolean)
        .map(line => new URL(line))
    },
    run: (script, ...args) => exec(process.execPath, [join(packages, script), ...args]),
    exec,
    // A program that was ended, or the browser, may still be writing.
    close: () => rmSync(home, { recursive: true, force: true, maxRetries: 10 }),
  }

  async function exec(file: string, args: readonly string[], options: ExecOptions = {}): Promise<Ended> {
    const { reply } = options
    const command: [string, readonly string[]] = reply
      ? ['script', ['-qec', shellLine(file, ...args), '/dev/null']]
      : [file, args]
    const child = spawn(...command, {
      cwd: home,
      env: { ...env, ...options.env },
      stdio: [reply ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      timeout: (options.seconds ?? 240) * 1000,
    })
    let seen = ''
    if (reply) {
      child.stdout?.on('data', chunk => {
        const hadAsked = seen.includes(reply.to)
        seen += chunk
        if (!hadAsked && seen.includes(reply.to)) child.stdin?.write(reply.text)
      })
    }
    const [stdout, stderr, code] = await Promise.all([
      outputOf(child, 'stdout'),
      outputOf(child, 'stderr'),
      exit(child),
    ])
    return { code, stdout, stderr }
  }
}

async function exit(child: ChildProcess): Promise<number> {
  const [code] = await once(child, 'close')
  return (code as number | null) ?? 124
}

async function outputOf(child: ChildProcess, stream: 'stdout' | 'stderr'): Promise<string> {
  let text = ''
  child[stream]?.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  await once(child, 'close')
  return text
}
