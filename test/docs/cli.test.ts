import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../../app/commands/index.ts'
import { personAt } from '../app/commands/client/person.ts'
import { openTerminal } from '../app/commands/client/support.ts'
import { startServers } from '../e2e/servers.ts'
import { consolesOf, pattern } from '../support/consoles.ts'

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')
const names = ['login', 'call', 'tools', 'whoami', 'logout']
const { commands } = await createProgram()
const ours = commands.filter(command => names.includes(command.name()))

describe('docs/cli.md', () => {
  it.each(names)('explains idplug %s with all its options, and no others', name => {
    const command = ours.find(candidate => candidate.name() === name)
    for (const { long } of command?.options ?? []) expect(page).toContain(`${long}`)
    expect(page).toContain(`idplug ${name} URL`)
  })

  it('names no option that there is not', () => {
    const known = new Set(ours.flatMap(({ options }) => options.map(({ long }) => long)))
    const named = [...page.matchAll(/--[a-z][a-z-]+/g)].map(([option]) => option)
    expect(named.filter(option => !known.has(option))).toEqual([])
  })

  it('names the exit codes that --help names', () => {
    for (const command of ours) {
      let help = ''
      command
        .configureOutput({
          writeOut: text => {
            help += text
          },
        })
        .outputHelp()
      expect(help).toMatch(/Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, 3 sign-in needed\./)
    }
    expect(page).toContain('Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, 3 a person has to sign in.')
  })

  it('shows what the commands print', async () => {
    const { issuer, resource } = await startServers()
    const terminal = openTerminal({ BROWSER: 'true' })
    const replace = (text: string) =>
      text.replaceAll('http://localhost:3232/mcp', resource).replaceAll('http://localhost:3001', issuer)
    const shown = consolesOf(page).flatMap(console => console.split(/^\$ /m).filter(Boolean))
    expect(shown.length).toBe(3)
    for (const [command = '', ...lines] of shown.map(text => replace(text).trim().split('\n'))) {
      const { stdout } = await terminal.run(command.split(' ').slice(1), personAt())
      for (const line of lines) expect(stdout).toMatch(pattern(line))
    }
  })
})
