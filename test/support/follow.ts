// Follows a page as a reader does: in one folder and one shell, with a browser, block by block in their order.
//
//   <!-- file: server.ts -->     the next block is written to that file
//   <!-- person: cleo -->        who signs in from here on
//   <!-- ready: URL -->          the program of the next block is ready when this URL answers
//   ```sh server                 a program that goes on running, in place of those before
//   ```sh beside                 one more
//   ```sh                        commands that succeed
//   ```console                   commands after `$ `, and lines that they print, in order; `…` stands for anything
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { addressIn } from '../app/commands/client/support.ts'
import { everythingMain } from '../e2e/gateway-servers.ts'
import { signIn } from './browser.ts'
import { commandsOf, pattern } from './consoles.ts'

const main = fileURLToPath(new URL('../../app/main.ts', import.meta.url))
const TIMEOUT = 90_000

export interface Reader {
  /** Where the reader works. Default: a new folder, in which `npx idplug` is this source, and no other package but one is there. */
  readonly folder?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** What the test has in place of ports and names of the page. */
  readonly replace?: (text: string) => string
}

/** @returns How many lines of output were compared. */
export async function follow(page: string, { env, folder = workingFolder(), replace = text => text }: Reader = {}) {
  const person = createPerson()
  const environment = {
    PATH: [join(folder, '.bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME: folder,
    IDPLUG_TOKENS: join(folder, '.tokens.json'),
    BROWSER: 'true',
    NO_COLOR: '1',
    ...env,
  }
  const run = openShell(folder, environment, person.sees)
  let programs: ChildProcess[] = []
  onTestFinished(() => stopAll(programs))

  let compared = 0
  let [file, ready]: (string | undefined)[] = []
  for (const [, word = '', value = '', language = '', text = ''] of replace(page).matchAll(
    /^<!-- (file|person|ready): (\S+) -->$|^```(.*)\n([\s\S]*?)^```/gm,
  )) {
    if (word === 'file') file = value
    else if (word === 'ready') ready = value
    else if (word === 'person') person.name = value
    else if (file !== undefined) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), text)
      file = undefined
    } else if (language === 'sh server' || language === 'sh beside') {
      if (language === 'sh server') {
        await stopAll(programs)
        programs = []
      }
      programs.push(await startProgram(text, ready, folder, environment))
      ready = undefined
    } else if (language === 'sh') expectInOrder(await run(`{ ${text.trim()}\n} && echo all fine`), ['all fine'], text)
    else if (language === 'console') {
      for (const [command, lines] of commandsOf(text)) {
        compared += lines.length
        expectInOrder(await run(command), lines, command)
      }
    }
  }
  return compared
}

/** A folder that goes with the test, in whose `.bin` the `npx` of a page is. */
export function workingFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-page-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, '.bin'))
  const programs = `case $1 in
  idplug) program='${main}' ;;
  @modelcontextprotocol/server-everything) program='${everythingMain}' ;;
  *) echo "$1 is not there" >&2; exit 1 ;;
esac`
  const script = `#!/bin/sh\n${programs}\nshift\nexec '${process.execPath}' "$program" "$@"\n`
  writeFileSync(join(folder, '.bin/npx'), script, { mode: 0o755 })
  return folder
}

/** Signs in at each address that a program asks for, once. */
function createPerson() {
  const visited = new Set<string>()
  const person = {
    name: 'ada',
    sees(said: string): void {
      const address = addressIn(said)
      if (address === undefined || visited.has(address)) return
      visited.add(address)
      signIn(address, { user: person.name })
        .then(callback => fetch(callback))
        .catch(error => console.error(error))
    },
  }
  return person
}

/** A shell that keeps its variables and functions from one command to the next. */
export function openShell(cwd: string, env: NodeJS.ProcessEnv, sees: (said: string) => void = () => {}) {
  const shell = spawn('bash', [], { cwd, env })
  onTestFinished(() => void shell.kill('SIGKILL'))
  let output = ''
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.on('data', chunk => {
      output += chunk
      sees(output)
    })
  }
  let count = 0
  return async (command: string): Promise<string> => {
    output = ''
    const mark = `--- ${++count} ---`
    // What is read from standard input would be the commands that follow.
    // In one pipe, so that the mark comes after all that the command says.
    shell.stdin.write(`{ ${command}\n} < /dev/null 2>&1\necho; echo '${mark}'\n`)
    await expect.poll(() => output.includes(mark), { timeout: TIMEOUT, interval: 20, message: command }).toBe(true)
    return output.slice(0, output.indexOf(mark))
  }
}

async function startProgram(text: string, ready: string | undefined, cwd: string, env: NodeJS.ProcessEnv) {
  const command = text.trim().replace(/\\\n\s*/g, '')
  const [settings = ''] = /^(?:[A-Z_0-9]+=(?:'[^']*'|\S*) )*/.exec(command) ?? []
  const program = spawn('bash', ['-c', `${settings && `export ${settings};`} exec ${command.slice(settings.length)}`], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // npx leaves it to the terminal to end what it runs: a signal goes to all of them.
    detached: true,
  })
  let printed = ''
  for (const stream of [program.stdout, program.stderr]) stream.on('data', chunk => (printed = `${printed}${chunk}`))
  if (ready === undefined) throw new Error(`the page does not say when this is ready: ${text}`)
  const isReady = async () => {
    if (program.exitCode !== null) throw new Error(`${command} ended with ${program.exitCode}:\n${printed}`)
    return fetch(ready).then(
      // 400: an MCP server to which a plain GET is not a request.
      ({ ok, status }) => ok || status === 400,
      () => false,
    )
  }
  await expect.poll(isReady, { timeout: TIMEOUT, interval: 50, message: command }).toBe(true)
  return program
}

export async function stopAll(programs: readonly ChildProcess[]): Promise<void> {
  for (const program of programs) {
    if (program.exitCode !== null || program.signalCode !== null) continue
    const closed = once(program, 'close')
    if (program.pid !== undefined) process.kill(-program.pid, 'SIGINT')
    await closed
  }
}

function expectInOrder(printed: string, lines: readonly string[], command: string): void {
  let rest = printed
  for (const line of lines) {
    const found = pattern(line).exec(rest)
    expect(found, `${line}\n is not what follows of\n${rest}\n which was printed by\n${command}`).not.toBeNull()
    rest = rest.slice((found?.index ?? 0) + (found?.[0].length ?? 0))
  }
}
