import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { personAt } from './app/commands/client/person.ts'
import { openTerminal, runOnScreen } from './app/commands/client/support.ts'
import { startServers } from './e2e/servers.ts'
import { signIn } from './support/browser.ts'
import { consolesOf, outputOf, pattern, runConsoles } from './support/consoles.ts'
import { freePort } from './support/http.ts'
import { startProgram, untilServing } from './support/program.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const ORIGIN = 'http://localhost:3000'

/** The server that the page shows, on a port that is free. */
async function startServer(): Promise<string> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const file = fileURLToPath(new URL('../docs/examples/own-server.ts', import.meta.url))
  const program = startProgram([], { script: file, env: { PORT: String(port), PUBLIC_URL: origin } })
  await untilServing(program, origin)
  return origin
}

/** As a shell takes a line apart. */
const wordsOf = (line: string) => line.match(/(?:"[^"]*"|[^\s"])+/g)?.map(word => word.replaceAll('"', '')) ?? []

/** The commands of the first block. */
const firstCommands = (page: string) => /^```sh\n(.*?)\n```/ms.exec(page)?.[1]?.split('\n') ?? []

describe('README', () => {
  it('shows what a client without a token is told', async () => {
    const origin = await startServer()
    const replace = (text: string) => text.replaceAll(ORIGIN, origin)
    const [console = ''] = consolesOf(readme)
    const [printed = ''] = await runConsoles([console], replace)
    const lines = outputOf(console)
    expect(lines.length).toBe(3)
    for (const line of lines) expect(printed).toMatch(pattern(replace(line)))
  })

  it('shows what a client prints that signs in and calls a tool which needs more', async () => {
    const origin = await startServer()
    const terminal = openTerminal({ BROWSER: 'true' })
    const shown =
      consolesOf(readme)[1]
        ?.replaceAll(ORIGIN, origin)
        .split(/^\$ npx idplug /m)
        .filter(Boolean) ?? []
    expect(shown.length).toBe(4)
    for (const text of shown) {
      const [command = '', ...lines] = text.trim().split('\n')
      const { stdout } = await terminal.run(wordsOf(command), personAt())
      for (const line of lines) expect(stdout).toMatch(pattern(line))
    }
  })

  // Whose `script` is the terminal.
  it.runIf(process.platform === 'linux')('goes from a clone to a signed-in tool call with three commands', async () => {
    const commands = firstCommands(readme)
    expect(commands).toHaveLength(3)
    const { resource } = await startServers()
    const words = wordsOf(commands[2]?.replace(/^npx idplug /, '').replace(/ # .*/, '') ?? '')
    expect(words.slice(0, 2)).toEqual(['call', 'http://localhost:3232/mcp'])
    const env = { IDPLUG_TOKENS: openTerminal().tokens }
    const args = words.map(word => (word.startsWith('http:') ? resource : word))
    const { code, screen } = await runOnScreen(args, env, async address =>
      fetch(await signIn(address, { user: 'ada' })),
    )
    expect({ code, screen }).toMatchObject({ code: 0 })
    expect(screen).toContain('"title": "Milk"')
  })

  it('names only npm scripts that exist', () => {
    const scripts = new Set(['ci', 'install', 'pkg', ...Object.keys(manifest.scripts)])
    const named = [...readme.matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)].map(match => match[1] as string)
    expect(named.length).toBeGreaterThan(3)
    expect(named.filter(name => !scripts.has(name))).toEqual([])
  })

  it('links only to files that exist', () => {
    const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)]
      .map(match => match[1] as string)
      .filter(link => !link.includes(':'))
    expect(links.length).toBeGreaterThan(3)
    for (const link of links) expect(() => readFileSync(new URL(`../${link}`, import.meta.url))).not.toThrow(/ENOENT/)
  })
})
