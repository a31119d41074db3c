import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose'
import { describe, expect, it } from 'vitest'
import { startServers } from '../../../e2e/servers.ts'
import { createBrowser, signIn } from '../../../support/browser.ts'
import { freePort } from '../../../support/http.ts'
import { personAt } from './person.ts'
import { addressIn, openTerminal, runOnScreen, type Terminal } from './support.ts'

const login = (terminal: Terminal, url: string, ...args: string[]) =>
  terminal.run(['login', url, '--no-browser', ...args], personAt())

interface File {
  servers: Record<string, { tokens: { accessToken: string; refreshToken: string; expiresAt: number } }[]>
}
const readFile = ({ tokens }: Terminal): File => JSON.parse(readFileSync(tokens, 'utf8'))

/** Makes the access token one that the server does not know, as if it had expired. */
function spoil(terminal: Terminal): void {
  const file = readFile(terminal)
  for (const signIns of Object.values(file.servers)) for (const { tokens } of signIns) tokens.accessToken = 'expired'
  writeFileSync(terminal.tokens, JSON.stringify(file))
}

describe('idplug login', () => {
  it('signs a person in, says for what, and keeps the tokens where only the owner can read them', async () => {
    const { issuer, resource } = await startServers()
    const terminal = openTerminal()
    const { code, stderr, stdout } = await login(terminal, resource)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toContain(`Signed in to ${resource}.`)
    expect(stdout).toContain(issuer)
    expect(stdout).toContain('registered by itself')
    expect(stdout).toContain('scopes    notes:read\n')
    expect(statSync(terminal.tokens).mode & 0o777).toBe(0o600)
    const [kept] = Object.values(readFile(terminal).servers).flat()
    for (const secret of [kept?.tokens.accessToken, kept?.tokens.refreshToken]) {
      expect(secret).toBeTruthy()
      expect(stdout + stderr).not.toContain(secret)
    }
  })

  it('does not ask twice, but for more scopes or another registration', async () => {
    const { resource } = await startServers()
    const terminal = openTerminal()
    await login(terminal, resource)
    const again = await terminal.run(['login', resource])
    expect(again).toMatchObject({ code: 0, stderr: '' })
    expect(again.stdout).toContain('Already signed in')
    const more = await login(terminal, resource, '--scope', 'notes:read notes:write')
    expect(more.stdout).toContain('notes:read notes:write')
    const [before] = Object.values(readFile(terminal).servers).flat() as { client?: { clientId: string } }[]
    expect((await login(terminal, resource, '--register')).code).toBe(0)
    const [after] = Object.values(readFile(terminal).servers).flat() as { client?: { clientId: string } }[]
    expect(after?.client?.clientId).not.toBe(before?.client?.clientId)
  })

  it('leaves a person signed in who breaks off a sign-in for more', async () => {
    const { resource } = await startServers()
    const terminal = openTerminal()
    await login(terminal, resource)
    const more = ['login', resource, '--no-browser', '--scope', 'notes:read notes:write']
    expect((await terminal.run(more, personAt('ada', 'deny'))).code).toBe(1)
    expect(await terminal.run(['call', resource, 'list_notes'])).toMatchObject({ code: 0 })
  })

  it('explains a refusal by the person in words', async () => {
    const { resource } = await startServers()
    const terminal = openTerminal()
    const ended = await terminal.run(['login', resource, '--no-browser'], personAt('ada', 'deny'))
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('access_denied: The sign-in was refused')
    const asJson = await terminal.run(['login', resource, '--no-browser', '--json'], personAt('ada', 'deny'))
    const json = asJson.stderr.slice(asJson.stderr.indexOf('{'))
    expect(JSON.parse(json)).toMatchObject({ error: { code: 'access_denied' } })
  })

  it('takes the address of the last page where there is no browser', async () => {
    const { resource } = await startServers()
    let isDone = false
    const ended = await openTerminal().run(['login', resource, '--paste'], async said => {
      const address = addressIn(said)
      if (!address || isDone) return undefined
      isDone = true
      const ended = await signIn(address)
      const other = new URL(ended)
      other.searchParams.set('state', 'other')
      return `https://elsewhere.example\n${other.href}\n${ended}`
    })
    expect(ended.stderr).toContain('That is not the address')
    expect(ended.stderr).toContain('the address of another sign-in')
    expect(ended.stdout).toContain('Signed in')
  })

  it('ends at once where nobody is at a terminal and no browser can be opened, with the ways that need none', async () => {
    const { resource } = await startServers()
    const terminal = openTerminal()
    const { code, stderr, stdout } = await terminal.run(['login', resource])
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    for (const way of ['--device', '--paste', '--no-browser'])
      expect(stderr).toContain(`idplug login ${resource} ${way}`)
    expect(stderr).toContain('--client-credentials')
    expect(existsSync(terminal.tokens)).toBe(false)
  })

  it('takes a code that is entered elsewhere', async () => {
    const { resource } = await startServers()
    let isDone = false
    const ended = await openTerminal().run(['login', resource, '--device'], async said => {
      const complete = /^or open (\S+)\.$/m.exec(said)?.[1]
      if (!complete || isDone) return undefined
      isDone = true
      const browser = createBrowser()
      let page = await browser.open(complete)
      for (const [name, fields] of [
        ['user_code', { user_code: /name="user_code" value="([^"]+)"/.exec(page.text)?.[1] }],
        ['confirm', { confirm: 'yes' }],
        ['user', { user: 'ada' }],
        ['decision', { decision: 'allow' }],
      ] as const) {
        if (page.text.includes(`name="${name}"`)) page = await browser.submit(page, name, fields)
      }
      return undefined
    })
    expect(ended.stderr).toContain('and enter')
    expect(ended.stdout).toContain('Signed in')
  })

  it('uses a client that was registered beforehand, at the port that is registered for it', async () => {
    const redirectUri = `http://127.0.0.1:${await freePort()}/callback`
    const { issuer, resource } = await startServers()
    const registered = await fetch(`${issuer}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }),
    })
    const { client_id } = (await registered.json()) as { client_id: string }
    const given = ['--client-id', client_id, '--redirect-uri', redirectUri]
    const { stdout } = await login(openTerminal(), resource, ...given)
    expect(stdout).toContain(`${client_id} (registered beforehand)`)
    const elsewhere = await login(openTerminal(), resource, ...given, '--issuer', 'https://id.example.com')
    expect(elsewhere).toMatchObject({ code: 1 })
    expect(elsewhere.stderr).toContain('nothing was sent')
  })

  it('binds the tokens to a key when asked, and goes on using them so', async () => {
    const { resource } = await startServers({ DPOP: 'optional' })
    const terminal = openTerminal()
    const { stdout, stderr } = await login(terminal, resource, '--dpop')
    expect(stdout + stderr).toContain('bound to a key of this machine')
    expect(await terminal.run(['call', resource, 'whoami'])).toMatchObject({ code: 0 })
    spoil(terminal)
    expect(await terminal.run(['call', resource, 'whoami'])).toMatchObject({ code: 0 })
  })
})

describe('idplug call', () => {
  it('reads the arguments as the tool declares them, and gets more scopes by a new sign-in', async () => {
    const { resource } = await startServers()
    const terminal = openTerminal()
    await login(terminal, resource)
    const refused = await terminal.run(['call', resource, 'add_note', 'title=Milk', 'text=Two litres'])
    expect(refused.code).toBe(3)
    expect(refused.stderr).toContain(`idplug login ${resource} --scope "notes:read notes:write`)
    await login(terminal, resource, '--scope', 'notes:read notes:write')
    expect(await terminal.run(['call', resource, 'add_note', 'title=Milk', 'text=Two litres'])).toMatchObject({
      code: 0,
    })
    const listed = await terminal.run(['call', resource, 'list_notes', '--json'])
    expect(JSON.parse(listed.stdout)).toMatchObject({ structuredContent: { notes: [{ title: 'Milk' }] } })
    const older = await terminal.run(['call', resource, 'list_notes', '--protocol', '2025-11-25'])
    expect(older.stdout).toContain('Milk')
  })

  // Whose `script` takes these options.
  it.runIf(process.platform === 'linux')(
    'signs in by itself at a terminal, also for a tool that needs more',
    async () => {
      const { resource } = await startServers()
      const { tokens } = openTerminal()
      const addNote = ['call', resource, 'add_note', 'title=Milk', 'text=Two litres']
      const { code, screen } = await runOnScreen(addNote, { IDPLUG_TOKENS: tokens }, async address =>
        fetch(await signIn(address, { user: 'ada' })),
      )
      expect({ code, screen }).toMatchObject({ code: 0 })
      expect(screen).toContain('in your browser, for notes:read. If none opens')
      expect(screen).toContain('in your browser, for notes:read notes:write. If none opens')
      expect(screen).toContain('"title": "Milk"')
    },
  )

  it.runIf(process.platform === 'linux').each([
    ['says what to do with a browser on another machine where none can be opened here', { SSH_CONNECTION: '1' }, true],
    ['does not speak of other machines where a browser opens', { BROWSER: 'true' }, false],
  ])('at a terminal: %s', async (_what, env, isTold) => {
    const { resource } = await startServers()
    const { tokens } = openTerminal()
    const { code, screen } = await runOnScreen(['login', resource], { IDPLUG_TOKENS: tokens, ...env }, async address =>
      fetch(await signIn(address, { user: 'ada' })),
    )
    expect({ code, screen }).toMatchObject({ code: 0 })
    expect(screen.includes('add --paste to the command, or --device')).toBe(isTold)
  })

  it('refreshes by itself, in several processes at the same time as well', async () => {
    const { resource } = await startServers()
    const terminal = openTerminal()
    await login(terminal, resource)
    const [before] = Object.values(readFile(terminal).servers).flat()
    spoil(terminal)
    const ended = await Promise.all(Array.from({ length: 3 }, () => terminal.run(['call', resource, 'list_notes'])))
    expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(3).fill({ code: 0, stderr: '' }))
    const [after] = Object.values(readFile(terminal).servers).flat()
    expect(after?.tokens.refreshToken).not.toBe(before?.tokens.refreshToken)
  })

  it('says that a sign-in is needed where nobody could do it, with an exit code of its own', async () => {
    const { resource } = await startServers()
    const { code, stderr } = await openTerminal().run(['call', resource, 'list_notes'])
    expect(code).toBe(3)
    expect(stderr).toContain(`idplug login ${resource}`)
  })

  it('keeps the sign-in when the authorization server is away', async () => {
    const servers = await startServers()
    const terminal = openTerminal()
    await login(terminal, servers.resource)
    spoil(terminal)
    await servers.close()
    const { code, stderr } = await terminal.run(['call', servers.resource, 'list_notes'])
    expect(code).toBe(1)
    expect(stderr).toContain('cannot be reached')
    expect(Object.values(readFile(terminal).servers).flat()).toHaveLength(1)
  })

  it.each([
    [['call', 'http://mcp.example.com/mcp', 'x'], 'is http:, not https:'],
    [['call', 'file:///etc/passwd', 'x'], 'has the scheme file:'],
    [['call', 'localhost:3232/mcp', 'x'], 'It has no scheme. Did you mean http://localhost:3232/mcp?'],
    [['call', '', 'x'], 'It is empty. Is the variable set'],
    [['doctor', ''], 'It is empty. Is the variable set'],
    [['conformance', ''], 'It is empty. Is the variable set'],
    [['call', 'https://ada:pa55@mcp.example.com/mcp', 'x'], "'https://…@mcp.example.com/mcp' is invalid"],
    [['doctor', 'https://ada:pa55@mcp.example.com/mcp'], "'https://…@mcp.example.com/mcp': It names a user"],
    [['conformance', 'https://ada:pa55@mcp.example.com/mcp'], 'It names a user'],
    [['call', 'mcp.example.com/mcp', 'x'], 'It has no scheme. Did you mean https://mcp.example.com/mcp?'],
    [
      ['login', 'https://mcp.example.com', '--client-secret-env', 'NOT_SET'],
      '--client-secret-env names NOT_SET, which is not set',
    ],
    ...[
      ['login', 'https://mcp.example.com', '--client-id', 'a', '--client-secret-env', 'pa55~word'],
      ['doctor', 'https://mcp.example.com', '--client-id', 'a', '--client-secret-env', 'pa55word'],
      ['conformance', 'https://mcp.example.com', '--low-scope-token-env', 'eyJpa55'],
      ['gateway', '--to', 'https://mcp.example.com/mcp', '--credential-env', 'pa55'],
      ['gateway', '--pass', 'API_KEY=pa55', '--', 'some-server'],
    ].map((args): [string[], string] => [args, 'takes the name of a variable']),
    [['login', 'https://mcp.example.com', '--client-credentials'], 'needs --client-id'],
    [['login', 'https://mcp.example.com', '--client-id', 'a', '--client-credentials'], 'needs --client-secret-env'],
    [['login', 'https://mcp.example.com', '--redirect-uri', 'https://evil.example/cb'], 'a URL on this machine'],
    [['login', 'https://mcp.example.com', '--device', '--paste'], 'cannot be used with'],
    [['call', 'https://mcp.example.com', 'x', 'a=1', '--args', '{}'], 'either as key=value or with --args'],
    [['call', 'https://mcp.example.com', 'x', '--args', '[]'], 'takes a JSON object'],
    [['logout'], 'the URL of a server, or --all'],
  ])('refuses %j with the reason', async (args, reason) => {
    const { code, stderr } = await openTerminal().run(args)
    expect(stderr).toContain(reason)
    expect(stderr).not.toContain('pa55')
    expect(code).toBe(2)
  })
})

describe('a machine', () => {
  it('calls with a secret or with a private key, names its authorization server, and leaves nothing behind', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const terminal = openTerminal({ NIGHTLY_SECRET: 'the-secret-of-the-nightly-job' })
    const file = join(terminal.tokens, '..', 'clients.json')
    const common = { grants: ['client_credentials'], scopes: ['notes:read'] }
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] }
    const nightly = { ...common, client_id: 'nightly', clientSecretEnv: 'NIGHTLY_SECRET' }
    writeFileSync(file, JSON.stringify({ clients: [nightly, { ...common, client_id: 'keyed', jwks }] }))
    writeFileSync(join(file, '..', 'key.pem'), await exportPKCS8(privateKey))
    const { issuer, resource } = await startServers({
      AUTH_CLIENTS_FILE: file,
      NIGHTLY_SECRET: 'the-secret-of-the-nightly-job',
    })
    const call = ['call', resource, 'whoami', '--client-credentials']
    const withSecret = ['--client-id', 'nightly', '--client-secret-env', 'NIGHTLY_SECRET']
    expect((await terminal.run([...call, ...withSecret])).stderr).toContain('needs --issuer')
    expect((await terminal.run([...call, ...withSecret, '--issuer', issuer])).stdout).toContain('"service"')
    const withKey = ['--client-id', 'keyed', '--private-key', 'key.pem', '--issuer', issuer]
    expect((await terminal.run([...call, ...withKey])).stdout).toContain('keyed')
    expect(existsSync(terminal.tokens)).toBe(false)
    const evil = await terminal.run([...call, ...withSecret, '--issuer', 'https://id.example.com'])
    expect(evil).toMatchObject({ code: 1 })
    expect(evil.stderr).toContain('nothing was sent')
  })
})

describe('a user without a home folder, as in a container with a number for its user', () => {
  const homeless = `import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module'
    os.homedir = () => { throw new Error('uv_os_homedir returned ENOENT') }; syncBuiltinESMExports()`
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(homeless)}`

  it.each([['whoami'], ['logout'], ['tools'], ['login']])(
    'is told by idplug %s where sign-ins could be',
    async name => {
      const url = `http://localhost:${await freePort()}/mcp`
      const { code, stderr } = await openTerminal({ NODE_OPTIONS, IDPLUG_TOKENS: '' }).run([name, url])
      expect([code, stderr.replace(/\s+/g, ' ')]).toEqual([1, expect.stringContaining('set IDPLUG_TOKENS to a file')])
      expect(stderr).not.toContain('uv_os_homedir')
    },
  )

  it('signs in with a file that it names', async () => {
    const { resource } = await startServers()
    const terminal = openTerminal({ NODE_OPTIONS })
    const { code, stdout } = await terminal.run(['login', resource, '--no-browser'], personAt())
    expect([code, stdout]).toEqual([0, expect.stringContaining(`Kept in ${terminal.tokens}`)])
  })
})

describe('idplug tools, whoami and logout', () => {
  it('list the tools, say who is signed in, and revoke what was issued', async () => {
    const { resource } = await startServers({ TOKEN_CACHE_SECONDS: '0' })
    const terminal = openTerminal()
    await login(terminal, resource)
    const tools = await terminal.run(['tools', resource])
    expect(tools.stdout).toContain('add_note title=string text=string')
    expect(tools.stdout.split('\n').filter(line => line.length > 80)).toEqual([])
    const whoami = await terminal.run(['whoami', resource])
    expect(whoami.stdout).toContain('"subject": "ada"')
    const [kept] = Object.values(readFile(terminal).servers).flat()

    const out = await terminal.run(['logout', resource])
    expect(out).toMatchObject({ code: 0 })
    expect(out.stdout).toContain('the tokens are revoked')
    expect(readFile(terminal).servers).toEqual({})
    const answer = await fetch(resource, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${kept?.tokens.accessToken}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    })
    expect(answer.status).toBe(401)
    expect((await terminal.run(['logout', '--all'])).stdout).toContain('Nobody was signed in')
  })

  it('says of a sign-in that has ended that there was nothing to revoke, and not that the server cannot', async () => {
    const { resource } = await startServers()
    const terminal = openTerminal()
    await login(terminal, resource)
    const { servers, ...rest } = readFile(terminal)
    const ended = Object.entries(servers).map(([url, kept]) => [url, kept.map(one => ({ ...one, tokens: undefined }))])
    writeFileSync(terminal.tokens, JSON.stringify({ ...rest, servers: Object.fromEntries(ended) }))
    const { code, stdout } = await terminal.run(['logout', resource])
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('its tokens had ended already') })
    expect(readFile(terminal).servers).toEqual({})
  })
})
