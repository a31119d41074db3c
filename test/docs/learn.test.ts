import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { startServers } from '../e2e/servers.ts'
import { consolesOf, outputOf, pattern, runConsoles } from '../support/consoles.ts'
import { follow } from '../support/follow.ts'
import { freePort } from '../support/http.ts'

// They start several processes.
vi.setConfig({ testTimeout: 400_000 })

const folder = new URL('../../docs/learn/', import.meta.url)
const pages = readdirSync(folder)
  .filter(name => name.endsWith('.md'))
  .sort()
const read = (page: string) => readFileSync(new URL(page, folder), 'utf8')

/** Lessons that start their servers themselves. */
const alone = pages.filter(page => read(page).includes('```sh server'))
/** Lessons in which a person signs in, at the servers of `npm start`. */
const signedIn = pages.filter(page => !alone.includes(page) && read(page).includes('$ npx idplug login'))
const withCurl = pages.filter(page => !alone.includes(page) && !signedIn.includes(page))

/** What stands for addresses of the pages. */
const replacing = (mcp: string, issuer: string) => (text: string) =>
  text.replaceAll('http://localhost:3232', mcp).replaceAll('http://localhost:3001', issuer)

describe('docs/learn', () => {
  it('has eleven lessons, each of which leads to the next', () => {
    expect(pages.map(page => Number(page.slice(0, 2)))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    for (const [index, page] of pages.slice(0, -1).entries()) {
      expect(read(page)).toMatch(new RegExp(`^Next: \\[.*\\]\\(${pages[index + 1]}\\)\\.$`, 'm'))
    }
    expect([alone.length, signedIn.length]).toEqual([2, 2])
  })

  it('shows the Python server as it is', () => {
    expect(read('11-another-language.md')).toContain(`\`\`\`python\n${read('greeter.py')}\`\`\``)
  })

  it.each(withCurl)('shows what its commands print: %s', async page => {
    const { resource, issuer } = await startServers({ DEMO_RS_CLIENT_SECRET: 'only-for-learning' })
    const replace = replacing(new URL(resource).origin, issuer)
    const consoles = consolesOf(read(page))
    const printed = await runConsoles(consoles, replace)
    expect(printed.length).toBe(consoles.length)
    const lines = consoles.flatMap((text, index) => outputOf(text).map(line => ({ line: replace(line), index })))
    expect(lines.length).toBeGreaterThan(0)
    for (const { line, index } of lines) expect(printed[index]).toMatch(pattern(line))
  })

  it.each(signedIn)('can be followed by somebody with a browser: %s', async page => {
    const { resource, issuer } = await startServers()
    const replace = replacing(new URL(resource).origin, issuer)
    expect(await follow(read(page), { replace })).toBeGreaterThan(10)
  })

  it.each(alone)('can be followed, servers and all: %s', async page => {
    const [PORT, AUTH_SERVER_PORT, emulator] = [await freePort(), await freePort(), await freePort()].map(String)
    const replaceOrigins = replacing(`http://localhost:${PORT}`, `http://localhost:${AUTH_SERVER_PORT}`)
    const replace = (text: string) =>
      replaceOrigins(text)
        .replaceAll('localhost:4000', `localhost:${emulator}`)
        .replaceAll('--port 4000', `--port ${emulator}`)
    expect(await follow(read(page), { env: { PORT, AUTH_SERVER_PORT }, replace })).toBeGreaterThan(5)
  })
})
