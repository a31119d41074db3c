import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { startServers } from './e2e/servers.ts'
import { consolesOf, outputOf, pattern, runConsoles } from './support/consoles.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

describe('README', () => {
  it('shows what its commands print', async () => {
    const { resource, issuer } = await startServers()
    const replace = (text: string) =>
      text.replaceAll('http://localhost:3232', new URL(resource).origin).replaceAll('http://localhost:3001', issuer)
    const consoles = consolesOf(readme)
    expect(consoles.length).toBe(2)
    const printed = await runConsoles(consoles, replace)
    for (const [index, console] of consoles.entries()) {
      const lines = outputOf(console)
      expect(lines.length).toBeGreaterThan(0)
      for (const line of lines) expect(printed[index]).toMatch(pattern(replace(line)))
    }
  })

  it('names only npm scripts that exist', () => {
    const scripts = new Set(['ci', ...Object.keys(manifest.scripts)])
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
