import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type EmulatorName, emulatorNames, runEmulator } from '../emulators/run.ts'
import { commandsOf, pattern } from './support/consoles.ts'
import { openShell, stopAll, workingFolder } from './support/follow.ts'
import { freePort } from './support/http.ts'

const page = readFileSync(new URL('../docs/migration.md', import.meta.url), 'utf8')

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

/** All of them every night. */
const followed: readonly EmulatorName[] = process.env.ALL_VARIANTS ? emulatorNames : ['auth0']

describe('the page about migration', () => {
  it.each(followed)('can be followed as it stands to %s', { timeout: 600_000 }, async name => {
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
  const cwd = workingFolder()
  const env: Record<string, string> = {
    ...ofProvider,
    PORT,
    AUTH_SERVER_PORT,
    PATH: `${join(cwd, '.bin')}:${process.env.PATH}`,
    SUBJECT: 'somebody',
    TOKEN: await (emulator as unknown as { mint(): string | Promise<string> }).mint(),
    ...(['introspection', 'userinfo'].includes(name) && { ACCESS_TOKEN_FORMAT: 'jwt' }),
  }
  const adapted = (text: string) =>
    text.replaceAll('localhost:3232', `localhost:${PORT}`).replaceAll('localhost:3001', `localhost:${AUTH_SERVER_PORT}`)
  const run = openShell(cwd, env)
  let servers: ChildProcess[] = []
  onTestFinished(() => stopAll(servers))

  for (const { kind, text, only } of blocks) {
    if (only && !only.includes(name)) continue
    if (kind === 'sh') await run(adapted(text).replace(/^NEW=\w+/, `NEW=${name}`))
    else if (kind === 'console') {
      for (const [command, lines] of commandsOf(adapted(text))) await check(run, command, lines)
    } else {
      await stopAll(servers)
      servers = [spawn('bash', ['-c', `exec ${text}`], { cwd, env, stdio: 'ignore', detached: true })]
      const ready = () =>
        fetch(`http://localhost:${PORT}/ready`).then(
          ({ status }) => status,
          () => 0,
        )
      await expect.poll(ready, { interval: 50 }).toBe(200)
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
  if (command.includes('migrate status')) await expect.poll(printed).toBe('as the page says')
  else expect(await printed(), command).toBe('as the page says')
}
