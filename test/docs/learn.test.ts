import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { startServers } from '../e2e/servers.ts'
import { consolesOf, outputOf, pattern, runConsoles } from '../support/consoles.ts'

const folder = new URL('../../docs/learn/', import.meta.url)
const pages = readdirSync(folder).sort()

describe('docs/learn', () => {
  it('has eight steps', () => {
    expect(pages.map(page => page.slice(0, 2))).toEqual(['01', '02', '03', '04', '05', '06', '07', '08'])
  })

  it.each(pages)('shows what its commands print: %s', async page => {
    const { resource, issuer } = await startServers({ DEMO_RS_CLIENT_SECRET: 'only-for-learning' })
    const replace = (text: string) =>
      text.replaceAll('http://localhost:3232', new URL(resource).origin).replaceAll('http://localhost:3001', issuer)
    const consoles = consolesOf(readFileSync(new URL(page, folder), 'utf8'))
    const printed = await runConsoles(consoles, replace)
    expect(printed.length).toBe(consoles.length)
    const lines = consoles.flatMap((text, index) => outputOf(text).map(line => ({ line: replace(line), index })))
    expect(lines.length).toBeGreaterThan(0)
    for (const { line, index } of lines) expect(printed[index]).toMatch(pattern(line))
  })
})
