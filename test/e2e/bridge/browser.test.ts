import { describe, expect, it, onTestFinished } from 'vitest'
import type { Emulator } from '../../../emulators/core/emulator.ts'
import { createGithubEmulator } from '../../../emulators/github.ts'
import { createOidcEmulator } from '../../../emulators/oidc.ts'
import { createClient } from '../../demo-as/support.ts'
import { openPage, screenshot } from '../../support/chromium.ts'
import { listen } from '../../support/http.ts'
import { CLIENT, startBridge } from './support.ts'

const kinds: [string, (uri: string) => Emulator, (origin: string) => Record<string, string>][] = [
  [
    'an OpenID provider',
    uri => createOidcEmulator({ clients: [{ ...CLIENT, redirectUris: [uri] }] }),
    origin => ({ AUTH_PROVIDER: 'oidc', AUTH_METADATA_URL: origin }),
  ],
  [
    'GitHub',
    uri => createGithubEmulator({ clients: [{ ...CLIENT, kind: 'oauth', redirectUris: [uri] }] }),
    origin => ({ AUTH_PROVIDER: 'github', AUTH_METADATA_URL: origin }),
  ],
]

describe.each(kinds)('in a real browser, a bridge to %s', (name, create, settingsOf) => {
  /** A client listening on loopback, and a page in front of its authorization request. */
  async function start(settings: Record<string, string> = {}) {
    const { servers, provider } = await startBridge(create, origin => ({ ...settingsOf(origin), ...settings }))
    const listener = await listen((_req, res) => {
      res.setHeader('content-type', 'text/html')
      res.end('<title>Client</title>The client has it.')
    })
    onTestFinished(listener.close)
    const client = createClient(servers.issuer)
    const redirect_uri = `http://localhost:${listener.port}/callback`
    const { json } = await client.register({ client_name: 'Claude Code', redirect_uris: [redirect_uri] })
    const { url, verifier } = client.authorizeUrl(json.client_id, { redirect_uri, resource: servers.resource })
    const page = await openPage()
    const complaints: string[] = []
    page.on('console', message => complaints.push(message.text()))
    await page.goto(url.href)
    const redeem = (code: string) =>
      client.token({
        grant_type: 'authorization_code',
        client_id: json.client_id,
        code,
        code_verifier: verifier,
        redirect_uri,
      })
    return { page, provider, complaints, redeem, file: name.replaceAll(/\W+/g, '-').toLowerCase() }
  }

  it('asks first, sends the person there, and brings a code to the client', async () => {
    const { page, complaints, redeem, file } = await start()
    await screenshot(page, `bridge-consent-${file}`)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'Sign in to the emulator' }).waitFor()
    await page.getByRole('button', { name: 'ada' }).click()
    await page.waitForURL(/\/callback\?code=/)
    const { status, json } = await redeem(new URL(page.url()).searchParams.get('code') ?? '')
    expect(status).toBe(200)
    expect(json.scope).toBe('notes:read notes:write')
    expect(complaints.filter(text => !text.includes('favicon') && !text.includes('404'))).toEqual([])
  })

  it('tells somebody who may not enter', async () => {
    const { page, file } = await start({ BRIDGE_ALLOW: 'user:7' })
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('button', { name: 'ada' }).click()
    await page.getByRole('heading', { name: 'You do not have access' }).waitFor()
    await screenshot(page, `bridge-not-allowed-${file}`)
  })

  it('offers another try while the provider is down', async () => {
    const { page, provider, file } = await start()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'Sign in to the emulator' }).waitFor()
    const recover = ['/token', '/login/oauth/access_token'].map(path => provider.fail({ kind: 'reset', path }))
    await page.getByRole('button', { name: 'ada' }).click()
    await page.getByRole('heading', { name: 'is not responding' }).waitFor()
    await screenshot(page, `bridge-down-${file}`)
    for (const end of recover) end()
    await page.getByRole('link', { name: 'try again' }).click()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('button', { name: 'ada' }).click()
    await page.waitForURL(/\/callback\?code=/)
  })
})
