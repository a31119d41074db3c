import { describe, expect, it, onTestFinished } from 'vitest'
import { createAuth, createAuths } from '../../auth/create-auth.ts'
import type { ResourceDeclaration } from '../../auth/declaration.ts'
import { createGoogleEmulator } from '../../emulators/google.ts'
import type { Auth } from '../../src/auth.ts'
import { createClient } from '../demo-as/support.ts'
import { createBrowser } from '../support/browser.ts'
import { freePort } from '../support/http.ts'
import { callWith } from './call-with.ts'
import { createMcpUser, type Sdk } from './mcp-user.ts'
import { type Edge, serveOn } from './own-server-edges.ts'
import { takePrefixOff } from './prefix-proxy.ts'

const files = {
  name: 'Files',
  scopes: { 'files:read': 'Read your files', 'files:write': 'Change your files' },
  initialScopes: ['files:read'],
  access: { tools: { write_file: ['files:write'] } },
} as const satisfies ResourceDeclaration
const mail = {
  name: 'Mail',
  scopes: { 'mail:read': 'Read your mail', 'mail:send': 'Send mail in your name' },
  initialScopes: ['mail:read'],
} as const satisfies ResourceDeclaration
const clock = { name: 'Clock', scopes: {} } as const satisfies ResourceDeclaration

/** What the consent page says to somebody whose client asks for everything. */
async function consentPage(issuer: string, resource: string, scope: string): Promise<string> {
  const client = createClient(issuer)
  const { json } = await client.register()
  const browser = createBrowser()
  const people = await browser.open(client.authorizeUrl(json.client_id, { resource, scope }).url)
  return (await browser.submit(people, 'user', { user: 'ada' })).text
}

const combinations = (['express', 'node', 'fetch'] satisfies Edge[]).flatMap(edge =>
  (['1.x', '2.x'] satisfies Sdk[]).map((sdk): [Edge, Sdk] => [edge, sdk]),
)

describe.each(combinations)('at a server of the user’s own on %s, an official client of SDK %s', (edge, sdk) => {
  it('signs in at the demo without any setting, steps up, calls, and is refused what the person may not', async () => {
    const port = await freePort()
    const resource = `http://localhost:${port}/mcp`
    await serveOn(edge, port, createAuth({ ...files, resource }, { env: {}, observer: {} }))
    const ada = createMcpUser(sdk, resource, 'ada')
    await ada.connect()
    expect(ada.memory.scopes).toEqual(['files:read'])
    const { text } = await ada.call('whoami')
    expect(text).toContain('"subject":"ada"')
    expect(text).not.toContain(ada.memory.accessToken)
    expect((await ada.callSteppingUp('write_file')).text).toContain('written')
    expect(ada.memory.scopes).toEqual(expect.arrayContaining(['files:read', 'files:write']))

    const cleo = createMcpUser(sdk, resource, 'cleo')
    await cleo.connect()
    expect((await cleo.call('whoami')).text).toContain('"subject":"cleo"')
    await expect(cleo.callSteppingUp('write_file')).rejects.toThrow()
    expect(cleo.memory.scopes).not.toContain('files:write')
  })

  it.each([
    ['passes on', false],
    ['takes off', true],
  ])('signs in at the demo below a prefix of PUBLIC_URL, which a proxy %s', async (_does, isTakenOff) => {
    const port = await freePort()
    const publicPort = isTakenOff ? await takePrefixOff('/team-a', port) : port
    const issuer = `http://localhost:${publicPort}/team-a`
    const auth = createAuth(files, { env: { PUBLIC_URL: issuer }, observer: {} })
    await serveOn(edge, port, auth)
    expect(await auth.metadata()).toMatchObject({ resource: `${issuer}/mcp`, authorization_servers: [issuer] })
    const ada = createMcpUser(sdk, auth.resource, 'ada')
    await ada.connect()
    expect((await ada.call('whoami')).text).toContain('"subject":"ada"')
    expect((await ada.callSteppingUp('write_file')).text).toContain('written')
  })

  it('signs in through the bridge, is refused, steps up and calls', async () => {
    const port = await freePort()
    const origin = `http://localhost:${port}`
    const client = { clientId: 'the-bridge', clientSecret: 'the-secret-of-the-bridge' }
    const google = createGoogleEmulator({
      clients: [{ ...client, type: 'web', redirectUris: [`${origin}/oauth/callback`] }],
    })
    const provider = await google.start()
    onTestFinished(google.close)
    const env = {
      AUTH_BRIDGE: 'on',
      AUTH_PROVIDER: 'google',
      AUTH_METADATA_URL: `${provider}/.well-known/openid-configuration`,
      BRIDGE_CLIENT_ID: client.clientId,
      BRIDGE_CLIENT_SECRET: client.clientSecret,
      BRIDGE_ALLOW: 'everyone',
      BRIDGE_GRANT_SCOPES: 'files:read files:write',
    }
    const resource = `${origin}/mcp`
    await serveOn(edge, port, createAuth({ ...files, resource }, { env, observer: {} }))
    expect(await callWith(resource, 'made-up')).toBe(401)
    const ada = createMcpUser(sdk, resource, 'ada', { provider })
    await ada.connect()
    expect((await ada.call('whoami')).text).toContain('"subject":"google:110000000000000000001"')
    expect((await ada.callSteppingUp('write_file')).text).toContain('written')
  })
})

describe.each<[Edge]>([['express'], ['node'], ['fetch']])('a server of the user’s own on %s', edge => {
  it('without scopes lets in whoever has signed in, and lets clients refresh', async () => {
    const port = await freePort()
    const resource = `http://localhost:${port}/mcp`
    await serveOn(edge, port, createAuth({ ...clock, resource }, { env: {}, observer: {} }))
    expect(await callWith(resource, 'made-up')).toBe(401)
    const cleo = createMcpUser('2.x', resource, 'cleo')
    await cleo.connect()
    expect((await cleo.call('write_file')).text).toContain('written')
    const { accessToken } = cleo.memory
    cleo.memory.spoilAccessToken()
    expect((await cleo.call('whoami')).text).toContain('"subject":"cleo"')
    expect(cleo.memory.accessToken).not.toBe(accessToken)
    expect(cleo.memory.authorizationRequests).toBe(1)
  })

  it('without scopes lets in whoever signed in at Google for its client, with no grants configured', async () => {
    const clientId = '1-clock.apps.googleusercontent.com'
    const google = createGoogleEmulator({ clients: [{ clientId, clientSecret: 's', type: 'web', redirectUris: [] }] })
    const provider = await google.start()
    onTestFinished(google.close)
    const port = await freePort()
    const env = {
      AUTH_PROVIDER: 'google',
      AUTH_METADATA_URL: `${provider}/.well-known/openid-configuration`,
      GOOGLE_TOKENINFO_URL: `${provider}/tokeninfo`,
      GOOGLE_CLIENT_IDS: clientId,
    }
    const resource = `http://localhost:${port}/mcp`
    await serveOn(edge, port, createAuth({ ...clock, resource }, { env, observer: {} }))
    expect(await callWith(resource, google.mint())).toBe(200)
    expect(await callWith(resource, google.mint({ azp: '2-other.apps.googleusercontent.com' }))).toBe(401)
  })

  it.each(['opaque', 'jwt'])(
    'with several resources asks in the words of each, for %s tokens that are good there alone',
    async format => {
      const port = await freePort()
      const origin = `http://localhost:${port}`
      const resources = { files: `${origin}/a/files`, mail: `${origin}/b/mail` }
      const auths = createAuths(
        { files: { ...files, resource: resources.files }, mail: { ...mail, resource: resources.mail } },
        { env: { ACCESS_TOKEN_FORMAT: format }, observer: {} },
      )
      await serveOn(edge, port, auths.files as Auth, auths.mail as Auth)
      const everything = 'files:read files:write mail:read mail:send'
      const ofFiles = await consentPage(origin, resources.files, everything)
      const ofMail = await consentPage(origin, resources.mail, everything)
      for (const words of [
        '<strong><bdi>Files</bdi></strong>',
        'Read your files',
        'Change your files',
        resources.files,
      ]) {
        expect(ofFiles).toContain(words)
        expect(ofMail).not.toContain(words)
      }
      for (const words of [
        '<strong><bdi>Mail</bdi></strong>',
        'Read your mail',
        'Send mail in your name',
        resources.mail,
      ]) {
        expect(ofMail).toContain(words)
        expect(ofFiles).not.toContain(words)
      }
      const [forFiles, forMail] = [
        createMcpUser('2.x', resources.files, 'ada'),
        createMcpUser('2.x', resources.mail, 'ada'),
      ]
      await forFiles.connect()
      await forMail.connect()
      const [files1 = '', mail1 = ''] = [forFiles.memory.accessToken, forMail.memory.accessToken]
      expect([await callWith(resources.files, files1), await callWith(resources.mail, mail1)]).toEqual([200, 200])
      expect([await callWith(resources.files, mail1), await callWith(resources.mail, files1)]).toEqual([401, 401])
    },
  )

  it('under several names is signed in to at each, and a token for one is good at all', async () => {
    const port = await freePort()
    const names = [`http://localhost:${port}`, `http://127.0.0.1:${port}`]
    const auth = createAuth(
      { ...files, resource: `${names[0]}/mcp`, publicUrls: names.slice(1) },
      { env: {}, observer: {} },
    )
    await serveOn(edge, port, auth)
    for (const name of names) {
      const ada = createMcpUser('2.x', `${name}/mcp`, 'ada')
      await ada.connect()
      for (const other of names) expect(await callWith(`${other}/mcp`, ada.memory.accessToken ?? '')).toBe(200)
    }
  })

  it('below a prefix of PUBLIC_URL is signed in to with the authorization server on a port of its own', async () => {
    const [port, authPort] = [await freePort(), await freePort()]
    const env = {
      PUBLIC_URL: `http://localhost:${port}/team-a`,
      AUTH_MODE: 'beside',
      AUTH_SERVER_PORT: String(authPort),
    }
    const auth = createAuth(files, { env, observer: {} })
    await serveOn(edge, port, auth)
    expect(auth.resource).toBe(`http://localhost:${port}/team-a/mcp`)
    const ada = createMcpUser('2.x', auth.resource, 'ada')
    await ada.connect()
    expect((await ada.call('whoami')).text).toContain('"subject":"ada"')
    const page = await consentPage(`http://localhost:${authPort}`, auth.resource, 'files:read')
    expect(page).toContain(auth.resource)
  })
})
