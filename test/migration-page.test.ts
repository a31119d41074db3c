import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type EmulatorName, emulatorNames, runEmulator } from '../emulators/run.ts'
import { freePort } from './support/http.ts'

const page = readFileSync(new URL('../docs/migration.md', import.meta.url), 'utf8')
const main = new URL('../app/main.ts', import.meta.url).pathname

interface Block {
  /** `sh server`: a server in place of the one before. */
  kind: 'sh' | 'sh server' | 'console'
  text: string
  /** Providers that the block is for. Default: all. */
  only?: string[]
}

const blocks: Block[] = [...page.matchAll(/(?:<!-- only: (.*) -->\n)?```(sh server|sh|console)\n([\s\S]*?)```/g)].map(
  ([, only, kind, text]) => ({ kind: kind as Block['kind'], text: text ?? '', only: only?.split(' ') }),
)

/** Commands of a console, each with what it has to print. */
function commandsOf(text: string): { command: string; output: string[] }[] {
  const [, ...parts] = text.split(/^\$ /m)
  return parts.map(part => {
    const [command = '', ...output] = part.split('\n')
    return { command, output: output.filter(line => line.trim()) }
  })
}

/** `…` stands for anything. */
function pattern(line: string): RegExp {
  const parts = line.split('…').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}`, 'm')
}

/** A shell that keeps its variables and functions from one command to the next. */
function openShell(cwd: string, env: Record<string, string>) {
  const shell = spawn('bash', [], { cwd, env })
  let output = ''
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  onTestFinished(() => void shell.kill('SIGKILL'))
  let count = 0
  return async (command: string): Promise<string> => {
    output = ''
    const mark = `--- ${++count} ---`
    shell.stdin.write(`${command}\necho; echo '${mark}'\n`)
    await expect.poll(() => output.includes(mark), { timeout: 30_000, interval: 20 }).toBe(true)
    return output.slice(0, output.indexOf(mark))
  }
}

/** Folder with a `.bin` in which `npx idplug` is this source. */
function workingFolder(): { cwd: string; bin: string } {
  const cwd = mkdtempSync(join(tmpdir(), 'idplug-'))
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }))
  const bin = join(cwd, '.bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\nshift\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 })
  return { cwd, bin }
}

async function stop(server: ChildProcess | undefined): Promise<void> {
  if (!server || server.exitCode !== null) return
  const closed = once(server, 'close')
  server.kill('SIGINT')
  await closed
}

describe('the page about migration', () => {
  it.each(emulatorNames)('can be followed as it stands to %s', { timeout: 120_000 }, async name => {
    await follow(name)
  })

  it('links only to files that exist', () => {
    const links = [...page.matchAll(/\]\(([^)#]+)\)/g)].map(match => match[1] as string)
    expect(links.length).toBeGreaterThan(8)
    for (const link of links) expect(() => readFileSync(new URL(`../docs/${link}`, import.meta.url))).not.toThrow()
  })
})

async function follow(name: EmulatorName): Promise<void> {
  const [PORT, AUTH_SERVER_PORT] = [String(await freePort()), String(await freePort())]
  const { emulator, settings } = await runEmulator(name, { resource: `http://localhost:${PORT}/mcp` })
  onTestFinished(emulator.close)
  const { AUTH_PROVIDER: _, ...ofProvider } = settings
  const { cwd, bin } = workingFolder()
  const env: Record<string, string> = {
    ...ofProvider,
    PORT,
    AUTH_SERVER_PORT,
    PATH: `${bin}:${process.env.PATH}`,
    SUBJECT: 'somebody',
    TOKEN: await (emulator as unknown as { mint(): string | Promise<string> }).mint(),
    ...(['introspection', 'userinfo'].includes(name) && { ACCESS_TOKEN_FORMAT: 'jwt' }),
  }
  const adapted = (text: string) =>
    text.replaceAll('localhost:3232', `localhost:${PORT}`).replaceAll('localhost:3001', `localhost:${AUTH_SERVER_PORT}`)
  const run = openShell(cwd, env)
  let server: ChildProcess | undefined
  onTestFinished(() => stop(server))

  for (const { kind, text, only } of blocks) {
    if (only && !only.includes(name)) continue
    if (kind === 'sh') await run(adapted(text).replace(/^NEW=\w+/, `NEW=${name}`))
    else if (kind === 'console') {
      for (const { command, output } of commandsOf(adapted(text))) await check(run, command, output)
    } else {
      await stop(server)
      server = spawn('bash', ['-c', `exec ${text}`], { cwd, env, stdio: 'ignore' })
      const ready = () =>
        fetch(`http://localhost:${PORT}/ready`).then(
          ({ status }) => status,
          () => 0,
        )
      await expect.poll(ready, { timeout: 30_000, interval: 50 }).toBe(200)
    }
  }
}

/** A command again and again until it prints what the page says: what the shadow sees comes a moment after the answer. */
async function check(run: (command: string) => Promise<string>, command: string, lines: readonly string[]) {
  expect(lines.length, command).toBeGreaterThan(command.startsWith('printf') ? -1 : 0)
  const printed = async () => {
    const output = await run(command)
    return lines.every(line => pattern(line).test(output)) ? 'as the page says' : output
  }
  if (command.includes('migrate status')) await expect.poll(printed, { timeout: 30_000 }).toBe('as the page says')
  else expect(await printed(), command).toBe('as the page says')
}
