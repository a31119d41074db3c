import { describe, expect, it } from 'vitest'
import { createAuth0Emulator } from '../../emulators/index.ts'
import { ask } from './ask.ts'
import { examples } from './examples.ts'
import { run } from './running.ts'

describe.each(examples)('docs/examples/servers/$name', example => {
  it('answers 503 while the provider is away, then by what the token is good for', async () => {
    let tenant: ReturnType<typeof createAuth0Emulator> | undefined
    const { url } = await run(example, {
      name: 'auth0',
      way: 'the client is registered by hand',
      async setUp(origin) {
        tenant = createAuth0Emulator({ apis: [{ identifier: `${origin}/mcp`, scopes: ['files:read', 'files:write'] }] })
        const AUTH_METADATA_URL = `${await tenant.start()}/.well-known/openid-configuration`
        return {
          env: { AUTH_PROVIDER: 'auth0', AUTH_METADATA_URL },
          login: 'ada',
          clientId: 'native',
          emulator: tenant,
        }
      },
    })
    if (!tenant) throw new Error('the provider was not set up')
    const reader = await tenant.mint({ scopes: ['files:read'] })

    const comeBack = tenant.fail({ kind: 'status', status: 503 })
    expect(await ask(url, 'whoami', reader)).toMatchObject({ status: 503, challenge: '' })
    comeBack()
    await expect.poll(async () => (await ask(url, 'whoami', reader)).status, { timeout: 30_000 }).toBe(200)
    expect((await ask(url, 'whoami', reader)).text).toContain('"text":"native"')

    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const broken = await fetch(url, { method: 'POST', headers, body: '{"jsonrpc":' })
    expect(broken.status, 'bodies of strangers are not parsed').toBe(401)
    expect(await broken.text()).not.toMatch(/\n\s+at |node_modules/)

    const expired = await tenant.mint({ claims: { exp: Math.floor(Date.now() / 1000) - 60 } })
    expect(await ask(url, 'whoami', expired)).toMatchObject({
      status: 401,
      challenge: expect.stringContaining('error="invalid_token"'),
    })
    const beyond = await ask(url, 'write_file', reader)
    if (example.withoutStepUp) {
      // The tool does not exist for this caller, who is not told what to ask for.
      return expect(beyond).toEqual({ status: 200, challenge: '', text: expect.stringContaining('Unknown tool') })
    }
    expect(beyond).toMatchObject({
      status: 403,
      challenge: expect.stringContaining('scope="files:read files:write"'),
    })
  })

  it('works without sign-in as well, from the file that it was before', async () => {
    const { url } = await run(example)
    const answer = await ask(url, 'whoami', example.tokenBefore)
    expect(answer).toMatchObject({ status: 200, text: expect.stringContaining(example.tokenBefore ?? 'nobody') })
  })
})
