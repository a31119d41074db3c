import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { providerNames } from '../../adapters/index.ts'
import { follow } from '../support/follow.ts'
import { freePort } from '../support/http.ts'
import { projectsWithRegistry } from './project.ts'

// npm installs real trees, and each command is a process.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 180_000 })

const page = readFileSync(new URL('../../AGENTS.md', import.meta.url), 'utf8')
const createProject = projectsWithRegistry()

describe('AGENTS.md', () => {
  it('can be followed literally, with the packages as they are published', async () => {
    const { folder, env, npm } = createProject()
    await npm('install', 'express', '@modelcontextprotocol/sdk')
    const [port, emulator] = [await freePort(), await freePort()].map(String)
    const replace = (text: string) =>
      text
        .replaceAll('localhost:3000', `localhost:${port}`)
        .replaceAll('localhost:4000', `localhost:${emulator}`)
        .replaceAll('--port 4000', `--port ${emulator}`)
    const { PATH: _, ...others } = env
    expect(await follow(page, { folder, replace, env: { ...others, PORT: port } })).toBeGreaterThan(20)
  })

  it('shows the server of the README', () => {
    const own = readFileSync(new URL('../../docs/examples/own-server.ts', import.meta.url), 'utf8')
    const [, shown] = /<!-- file: server\.ts -->\n```ts\n([\s\S]*?)```/.exec(page) ?? []
    expect(shown).toBe(own.replace(/'(?:\.\.\/)+index\.ts'/, "'idplug'"))
  })

  it('names reasons that there are', () => {
    const reasons = readFileSync(new URL('../../src/reasons.ts', import.meta.url), 'utf8')
    const named = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(match => match[1])
    expect(named).toEqual(['issuer_mismatch', 'audience_mismatch', 'expired'])
    for (const name of named) expect(reasons).toContain(`kind: '${name}'`)
  })

  it('names every provider', () => {
    for (const name of providerNames.filter(name => name !== 'entra')) expect(page).toContain(`\`${name}\``)
  })
})
