import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { examineServer } from '../../app/commands/doctor/doctor.ts'
import { createProgram } from '../../app/commands/index.ts'
import { settingsSchema } from '../../config/settings.ts'
import { PRODUCTS } from '../../docs/which-shape-page.ts'
import { startServers } from '../e2e/servers.ts'

const read = (page: string) => readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
// Loads everything that there is.
const { commands } = await createProgram()
const page = read('which-shape.md')
const rowsOf = (text: string) =>
  text
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    )

const VERDICTS: Readonly<Record<string, string>> = {
  yes: 'connects',
  'set up': 'set up',
  no: 'fails',
  '?': 'not verified',
}

describe('docs/which-shape.md', () => {
  it('says of the demo what the doctor says of a server that runs', async () => {
    const { resource } = await startServers()
    const { clients } = await examineServer(resource, fetch)
    const rows = rowsOf(page)
    const [, ...names] = rows.find(([first]) => first === 'people sign in at') ?? []
    const [, ...cells] = rows.find(([first]) => first === 'the demo, on this machine') ?? []
    const said = names.map((name, index) => [name, VERDICTS[cells[index] ?? '']])
    expect(said.length).toBeGreaterThan(5)
    expect(said).toEqual(clients?.map(({ client, verdict }) => [client, verdict]))
  })

  // What the providers and the clients publish (November 2026), not what the table is made from.
  it.each([
    ['Google', 'Codex', 'no'], // github.com/openai/codex/issues/40783: it sends no secret, which Google and GitHub demand
    ['GitHub', 'Codex', 'no'],
    ['Google', 'Claude Code', '?'], // github.com/anthropics/claude-code/issues/91199
    ['Google', 'Cursor', 'set up'],
    ['Google', 'Gemini CLI', '?'], // Google and GitHub name themselves in answers, so that iss is not in the way
    ['Auth0', 'Gemini CLI', 'no'],
    ['Auth0', 'opencode', 'set up'], // opencode.ai/docs/mcp-servers/#pre-registered
    ['Auth0', 'Copilot CLI', 'set up'],
    ['Keycloak', 'Gemini CLI', 'set up'],
    ['Microsoft Entra ID', 'claude.ai', 'no'],
    ['Microsoft Entra ID', 'Claude Code', 'set up'],
    ['Okta, a custom authorization server', 'VS Code', 'set up'],
    ['Auth0, with registration open', 'VS Code', 'yes'],
    ['WorkOS AuthKit, with metadata documents on', 'Claude Code', 'yes'],
    ['WorkOS AuthKit, with metadata documents on', 'MCP Inspector', 'set up'],
  ])('says of %s and %s: %s', (provider, client, verdict) => {
    const rows = rowsOf(page)
    const [, ...names] = rows.find(([first]) => first === 'people sign in at') ?? []
    const row = rows.find(([first = '']) => first.split('<br>').some(title => title.startsWith(`${provider} (`)))
    expect(row?.[names.indexOf(client) + 1]).toBe(verdict)
  })

  it('has the products at which clients cannot register as they come, and no others', () => {
    const registering = rowsOf(read('providers/presets.md')).flatMap(cells => {
      const name = /^\[`(\w+)`\]/.exec(cells[0] ?? '')?.[1]
      return name && cells.length === 5 ? [[name, cells[4]] as const] : []
    })
    expect(registering.length).toBeGreaterThan(10)
    const closed = registering.filter(([, how]) => how === 'no' || how === 'behind policies').map(([name]) => name)
    for (const name of PRODUCTS) expect(closed).toContain(name)
    const open = registering.map(([name]) => name).filter(name => !closed.includes(name))
    expect(PRODUCTS.filter(name => open.includes(name))).toEqual([])
  })

  it('ends in commands that exist, with settings that exist', async () => {
    const shown = rowsOf(page).flatMap(cells =>
      cells.length === 3 ? (/^`(.*(?:node|npx) .*)`$/.exec(cells[2] ?? '') ?? []) : [],
    )
    const lines = shown.filter(line => !line.startsWith('`'))
    expect(lines.length).toBe(9)
    for (const line of lines) {
      for (const [, setting = ''] of line.matchAll(/\b([A-Z][A-Z_]+)=/g))
        expect(settingsSchema.shape).toHaveProperty(setting)
      const [, name, option] = /npx idplug (\S+)(?: (--\w+))?/.exec(line) ?? []
      if (name === undefined) continue
      const command = commands.find(known => known.name() === name)
      expect(command, name).toBeDefined()
      if (option) expect(command?.options.map(({ long }) => long)).toContain(option)
    }
  })
})
