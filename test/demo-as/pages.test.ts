import type { BrowserContextOptions, Page } from 'playwright-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openPage, screenshot } from '../support/chromium.ts'
import { listen } from '../support/http.ts'
import { createClient, startServer } from './support.ts'

/** A client listening on loopback, the server, and a page of the browser in front of the authorization request. */
async function start({ params = {}, metadata = {}, context = {} }: Setup = {}) {
  const { origin } = await startServer()
  const client = createClient(origin)
  const received: string[] = []
  const listener = await listen((req, res) => {
    received.push(req.url ?? '')
    res.setHeader('content-type', 'text/html')
    res.end('<title>Client</title>The client has it.')
  })
  onTestFinished(listener.close)
  const redirect_uri = `http://localhost:${listener.port}/callback`
  const { json } = await client.register({ client_name: 'Claude Code', redirect_uris: [redirect_uri], ...metadata })

  const page = await openPage(context)
  const complaints: string[] = []
  page.on('console', message => complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(error.message))
  const scope = 'notes:read notes:write notes:admin'
  const { url, verifier } = client.authorizeUrl(json.client_id, { redirect_uri, scope, ...params })
  /** Query of the requests that reached the client; the browser also asks for /favicon.ico. */
  const callbacks = () =>
    received.filter(path => path.startsWith('/callback')).map(path => new URL(path, origin).searchParams)
  return {
    origin,
    client,
    clientId: json.client_id as string,
    redirect_uri,
    verifier,
    page,
    url,
    callbacks,
    complaints,
  }
}

interface Setup {
  params?: Record<string, string>
  metadata?: Record<string, unknown>
  context?: BrowserContextOptions
}

const fitsItsWindow = (page: Page) =>
  page.evaluate<boolean>('document.documentElement.scrollWidth <= document.documentElement.clientWidth')

describe('in Chromium', () => {
  it('signing in and allowing brings a code to a client on loopback, and the console stays empty', async () => {
    const { origin, client, clientId, redirect_uri, verifier, page, url, callbacks, complaints } = await start()
    await page.goto(url.href)
    await screenshot(page, 'sign-in')
    await page.getByRole('button', { name: 'Ada' }).click()
    await page.getByRole('heading', { name: 'Allow access to Notes?' }).waitFor()
    await screenshot(page, 'consent')
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(/\/callback\?/)

    expect(callbacks()).toHaveLength(1)
    expect(callbacks()[0]?.get('iss')).toBe(origin)
    const { status } = await client.token({
      grant_type: 'authorization_code',
      client_id: clientId,
      code: callbacks()[0]?.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri,
    })
    expect(status).toBe(200)
    expect(complaints.filter(text => !text.includes('favicon'))).toEqual([])
  })

  it('refusing brings access_denied to the client', async () => {
    const { page, url, callbacks } = await start()
    await page.goto(url.href)
    await page.getByRole('button', { name: 'Ben' }).click()
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.waitForURL(/\/callback\?/)
    expect(callbacks()[0]?.get('error')).toBe('access_denied')
    expect(callbacks()[0]?.has('code')).toBe(false)
  })

  it('a changed CSRF token gets a page that says so, and the way back works', async () => {
    const { page, url, callbacks } = await start()
    await page.goto(url.href)
    await page.getByRole('button', { name: 'Ada' }).click()
    await page.locator('input[name=form_token]').evaluate(input => input.setAttribute('value', 'x'.repeat(43)))
    const [answer] = await Promise.all([
      page.waitForResponse(response => response.request().method() === 'POST'),
      page.getByRole('button', { name: 'Allow' }).click(),
    ])
    expect(answer.status()).toBe(403)
    await page.getByRole('heading', { name: 'This form did not come from here' }).waitFor()
    await screenshot(page, 'forged-form')
    expect(callbacks()).toEqual([])
    await page.getByRole('link', { name: 'return to the page' }).click()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(/\/callback\?code=/)
  })

  it('shows a user what is out of reach, dark and on a phone, without scrolling sideways', async () => {
    const client_name = `A client with a long name ${'w'.repeat(40)}`
    const context: BrowserContextOptions = {
      viewport: { width: 320, height: 640 },
      colorScheme: 'dark',
      deviceScaleFactor: 2,
    }
    const { page, url } = await start({ context, metadata: { client_name } })
    await page.goto(url.href)
    expect(await fitsItsWindow(page)).toBe(true)
    await screenshot(page, 'sign-in-phone')
    await page.getByRole('button', { name: 'Cleo' }).click()
    await page.getByText('Cleo may not grant').waitFor()
    expect(await fitsItsWindow(page)).toBe(true)
    await screenshot(page, 'consent-phone')
    for (const button of await page.getByRole('button').all()) {
      expect((await button.boundingBox())?.height).toBeGreaterThanOrEqual(44)
    }
  })

  it('works with the keyboard alone, the place of the focus to be seen', async () => {
    const { client, clientId, redirect_uri, verifier, callbacks, page, url } = await start()
    await page.goto(url.href)
    for (let i = 0; i < 4; i++) await page.keyboard.press('Tab')
    expect(await page.locator(':focus').getAttribute('id')).toBe('user')
    await page.keyboard.type('Grace Hopper')
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
    await screenshot(page, 'keyboard')
    await page.keyboard.press('Enter')
    await page.getByText('as Grace Hopper').waitFor()
    const reached: string[] = []
    for (let i = 0; i < 4; i++) {
      await page.keyboard.press('Tab')
      const focus = page.locator(':focus')
      const value = await focus.getAttribute('value')
      reached.push(`${await focus.getAttribute('name')} ${value}`)
      if (value === 'notes:write') await page.keyboard.press('Space')
    }
    expect(reached).toEqual(['scope notes:read', 'scope notes:write', 'stay yes', 'remember yes'])
    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').textContent()).toBe('Allow')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/callback\?code=/)
    const { json } = await client.token({
      grant_type: 'authorization_code',
      client_id: clientId,
      code: callbacks()[0]?.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri,
    })
    expect(json.scope).toBe('notes:read')
  })

  it('works without JavaScript', async () => {
    const { page, url } = await start({ context: { javaScriptEnabled: false } })
    await page.goto(url.href)
    await page.getByRole('button', { name: 'Ada' }).click()
    for (const name of ['Read your notes', 'Change your notes', 'See all users']) await page.getByLabel(name).uncheck()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Read your notes').check()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(/\/callback\?code=/)
  })

  it('says what is wrong with a name where it was typed', async () => {
    const { page, url } = await start()
    await page.goto(url.href)
    await page.getByLabel('Or sign in as somebody new').fill('<script>alert(1)</script>')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Up to 40 letters').waitFor()
    await screenshot(page, 'refused-name')
  })

  it('stays on a page with a way back when the client is a program behind a scheme', async () => {
    const redirect_uri = 'com.example.notes:/callback'
    const { page, url } = await start({ params: { redirect_uri }, metadata: { redirect_uris: [redirect_uri] } })
    await page.goto(url.href)
    await page.getByRole('button', { name: 'Ada' }).click()
    await page.getByRole('button', { name: 'Allow' }).click()
    const link = page.getByRole('link', { name: 'Back to Claude Code' })
    expect(await link.getAttribute('href')).toMatch(/^com\.example\.notes:\/callback\?code=/)
    await screenshot(page, 'signed-in')
  })

  it('cannot be put into a frame', async () => {
    const { page, url } = await start()
    const host = await listen((_req, res) => {
      res.setHeader('content-type', 'text/html')
      res.end(`<iframe src="${url.href.replaceAll('&', '&amp;')}"></iframe>`)
    })
    onTestFinished(host.close)
    await page.goto(host.origin)
    await expect.poll(() => page.frames()[1]?.url()).toMatch(/^chrome-error:/)
  })

  it('connects a device', async () => {
    const { client, page } = await start()
    const { json } = await client.register({
      client_name: 'Living room display',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      redirect_uris: undefined,
    })
    const { json: asked } = await client.form('/oauth/device_authorization', { client_id: json.client_id })
    await page.goto(asked.verification_uri)
    await page.getByLabel('Code').fill('BCDF-BCDF')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('There is no such code').waitFor()
    await screenshot(page, 'device-code')
    await page.goto(asked.verification_uri_complete)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('heading', { name: 'Is this your device?' }).waitFor()
    await screenshot(page, 'device-confirm')
    await page.getByRole('button', { name: 'It is mine' }).click()
    await page.getByRole('button', { name: 'Ada' }).click()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'Your device is connected' }).waitFor()
    await screenshot(page, 'device-done')
  })

  it('tells what to do about an unknown client and a wrong request', async () => {
    const { client, page } = await start()
    await page.goto(client.authorizeUrl('V1StGXR8_Z5jdHi6B-myT').url.href)
    await page.getByRole('heading', { name: 'Unknown application' }).waitFor()
    await screenshot(page, 'unknown-client')
    const { json } = await client.register()
    await page.goto(client.authorizeUrl(json.client_id, { redirect_uri: 'https://evil.example.com/' }).url.href)
    await page.getByRole('heading', { name: 'This request cannot be answered' }).waitFor()
    await screenshot(page, 'request-error')
  })
})
