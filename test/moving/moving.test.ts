import { readdirSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createOidcEmulator } from '../../emulators/index.ts'
import { createMcpUser, type Sdk } from '../e2e/mcp-user.ts'
import { freePort } from '../support/http.ts'
import { readMove } from './page.ts'
import { folderWith, run } from './running.ts'

interface Move {
  readonly page: string
  readonly part?: string
  readonly sdk: Sdk
  readonly env?: Readonly<Record<string, string>>
  /** What becomes of the tool that needs another scope, after the move. Default: the client steps up. */
  readonly write?: 'works, since clients asked for every scope before' | 'does not exist'
}

const moves: readonly Move[] = [
  { page: 'require-bearer-auth.md', part: '1.x/', sdk: '1.x' },
  { page: 'require-bearer-auth.md', part: '2.x/', sdk: '2.x' },
  { page: 'mcp-auth.md', sdk: '1.x', write: 'works, since clients asked for every scope before' },
  { page: 'fastmcp.md', sdk: '1.x', env: { AUTH_SIGN_IN_SCOPES: 'all' }, write: 'does not exist' },
]

/** People sign in there before and after; its tokens name the server. */
async function startProvider(origin: string): Promise<string> {
  const emulator = createOidcEmulator({ audience: `${origin}/mcp`, scopes: ['files:read', 'files:write'] })
  await emulator.start()
  onTestFinished(() => emulator.close())
  return emulator.issuer()
}

describe.each(moves)('docs/moving/$page, $sdk', ({ env, page, part, sdk, write }) => {
  it('signs nobody out on the way there, and none on the way back', async () => {
    const origin = `http://localhost:${await freePort()}`
    const issuer = await startProvider(origin)
    const { after, before } = readMove(page, part)
    const old = folderWith(before)
    const first = await run(old, 'server.ts', origin, { ISSUER: issuer })

    const ada = createMcpUser(sdk, `${origin}/mcp`, 'ada', { client: { client_id: 'native', issuer } })
    await ada.connect()
    expect((await ada.call('whoami')).text).toBe('native')
    expect(ada.memory.authorizationRequests).toBe(1)
    const token = ada.memory.accessToken

    await first.stop()
    const settings = { AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL: `${issuer}/.well-known/openid-configuration`, ...env }
    const second = await run(folderWith(after), 'server.ts', origin, settings)
    await ada.connect()
    expect((await ada.call('whoami')).text).toBe('native')
    expect(ada.memory.authorizationRequests).toBe(1)
    expect(ada.memory.accessToken).toBe(token)
    if (write === 'does not exist') await expect(ada.call('write_file')).rejects.toThrow('Unknown tool')
    if (write === undefined) {
      await expect(ada.call('write_file')).rejects.toThrow()
      await ada.finishSignIn()
    }
    if (write !== 'does not exist') {
      expect(await ada.call('write_file')).toEqual({ isError: false, text: 'written' })
    }
    const signIns = ada.memory.authorizationRequests
    expect(signIns).toBe(write === undefined ? 2 : 1)
    expect(second.log()).not.toContain(ada.memory.accessToken)

    await second.stop()
    await run(old, 'server.ts', origin, { ISSUER: issuer })
    await ada.connect()
    expect((await ada.call('whoami')).text).toBe('native')
    expect(ada.memory.authorizationRequests).toBe(signIns)
  })

  it('names in its command the settings that the test uses, and no provider in its code', () => {
    for (const [, code] of readMove(page, part).after) expect(code).not.toMatch(/oidc|auth0|ISSUER/i)
  })
})

it('knows every page of docs/moving', () => {
  const pages = readdirSync(new URL('../../docs/moving/', import.meta.url))
  const own = ['better-auth.md', 'oauth2-proxy.md', 'reference-remote-server.md']
  expect(pages.filter(page => !own.includes(page)).sort()).toEqual([...new Set(moves.map(({ page }) => page))].sort())
})
