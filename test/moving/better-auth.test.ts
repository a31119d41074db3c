import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createMcpUser } from '../e2e/mcp-user.ts'
import { createBrowser } from '../support/browser.ts'
import { freePort } from '../support/http.ts'
import { runProgram } from '../support/program.ts'
import { readMove } from './page.ts'
import { folderWith, run } from './running.ts'

/** What an application has of its own, and what its `npx auth migrate` does. */
const ours = [
  ['pages.ts', readFileSync(new URL('better-auth-pages.ts', import.meta.url), 'utf8')],
  [
    'migrate.ts',
    `import { getMigrations } from 'better-auth/db/migration'
    import { auth } from './auth.ts'
    await (await getMigrations(auth.options)).runMigrations()`,
  ],
] as const

/** better-auth takes redirect URIs on this machine from clients that say what they are. */
async function register(origin: string, redirectUri: string) {
  const response = await fetch(`${origin}/api/auth/oauth2/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'e2e',
      redirect_uris: [redirectUri],
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      scope: 'files:read files:write',
    }),
  })
  expect(response.ok, await response.clone().text()).toBe(true)
  return (await response.json()) as { client_id: string }
}

/** To a browser that goes to a page, better-auth answers by a redirect; to `fetch`, which says that it is none, by JSON. */
const navigate: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  const isJson = response.headers.get('content-type')?.includes('json')
  const { redirect, url } = isJson ? ((await response.clone().json()) as { redirect?: boolean; url?: string }) : {}
  if (!redirect || !url) return response
  const headers = new Headers({ location: url })
  for (const cookie of response.headers.getSetCookie()) headers.append('set-cookie', cookie)
  return new Response(null, { status: 302, headers })
}

describe('docs/moving/better-auth.md', () => {
  it('signs nobody out on the way there, and none on the way back', async () => {
    const origin = `http://localhost:${await freePort()}`
    const { after, before } = readMove('better-auth.md')
    const old = folderWith(new Map([...before, ...ours]))
    const env = {
      DATABASE: join(old, 'app.db'),
      BETTER_AUTH_SECRET: 'a-secret-of-thirty-two-characters',
      AUTH_PROVIDER: 'oidc',
      AUTH_METADATA_URL: `${origin}/api/auth/.well-known/openid-configuration`,
    }
    expect(await runProgram([], { script: 'migrate.ts', cwd: old, env })).toMatchObject({ code: 0 })
    const first = await run(old, 'server.ts', origin, env)
    const ada = createMcpUser('1.x', `${origin}/mcp`, 'ada', { browser: createBrowser(navigate) })
    const { client_id } = await register(origin, String(ada.memory.redirectUrl))
    ada.memory.useClient({ client_id })
    await ada.connect()
    expect((await ada.call('whoami')).text).toBe(client_id)
    const token = ada.memory.accessToken

    await first.stop()
    const second = await run(folderWith(new Map([...after, ...ours])), 'server.ts', origin, env)
    await ada.connect()
    expect((await ada.call('whoami')).text).toBe(client_id)
    expect([ada.memory.authorizationRequests, ada.memory.accessToken]).toEqual([1, token])
    await expect(ada.call('write_file')).rejects.toThrow()
    await ada.finishSignIn()
    expect(await ada.call('write_file')).toEqual({ isError: false, text: 'written' })

    await second.stop()
    await run(old, 'server.ts', origin, env)
    await ada.connect()
    expect((await ada.call('whoami')).text).toBe(client_id)
    expect(ada.memory.authorizationRequests).toBe(2)
  })
})
