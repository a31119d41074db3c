import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { main, startProgram } from '../../../support/program.ts'
import { shellLine } from '../../../support/shell-line.ts'
import { temporaryFolder } from '../../../support/temporary-files.ts'

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface Terminal {
  readonly tokens: string
  /**
   * Runs the program to its end.
   *
   * @param person - Told what the program says; what it returns is typed.
   */
  run(args: readonly string[], person?: (said: string) => Promise<string | undefined> | undefined): Promise<Ended>
}

/** The command line as a process of its own, with a file of tokens that only this test has. */
export function openTerminal(env: Record<string, string> = {}): Terminal {
  const folder = temporaryFolder()
  const tokens = join(folder, 'tokens.json')
  return {
    tokens,
    async run(args, person) {
      const { child, ended, stdout, stderr } = startProgram(args, {
        cwd: folder,
        env: { NO_COLOR: '1', IDPLUG_TOKENS: tokens, ...env },
        ...(!person && { input: '' }),
      })
      let answered = 0
      let failure: unknown
      child.stderr.on('data', async () => {
        const typed = await person?.(stderr().slice(answered))?.catch(error => {
          failure = error
          child.kill()
          return undefined
        })
        if (typed === undefined) return
        answered = stderr().length
        child.stdin.write(`${typed}\n`)
      })
      const code = await ended
      if (failure) throw failure
      return { code, stdout: stdout(), stderr: stderr() }
    },
  }
}

/**
 * Runs the program in a terminal of its own, where somebody sits.
 *
 * @param person - Told each address that the program shows.
 * @returns What stands there in the end.
 */
export async function runOnScreen(
  args: readonly string[],
  env: Record<string, string>,
  person: (address: string) => Promise<unknown>,
): Promise<{ code: number; screen: string }> {
  const line = shellLine(process.execPath, main, ...args)
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    env: { PATH: process.env.PATH, NO_COLOR: '1', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill())
  const shown = new Set<string>()
  let screen = ''
  let failure: unknown
  child.stdout.on('data', text => {
    screen += text
    for (const [, address = ''] of screen.matchAll(/^ {2}(https?:\S+)\r$/gm)) {
      if (shown.has(address)) continue
      shown.add(address)
      person(address).catch(error => {
        failure = error
        child.kill()
      })
    }
  })
  const [code] = await once(child, 'close')
  if (failure) throw failure
  return { code, screen: screen.replaceAll('\r\n', '\n') }
}

/** The address that the program asks the person to open, once it stands there whole. */
export function addressIn(said: string): string | undefined {
  return /^ {2}(https?:\S+)$/m.exec(said.slice(0, said.lastIndexOf('\n') + 1))?.[1]
}
