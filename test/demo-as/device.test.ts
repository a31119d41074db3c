import { describe, expect, it } from 'vitest'
import { createMemoryStores } from '../../demo-as/stores/memory.ts'
import { createBrowser } from '../support/browser.ts'
import { createClient, distantStores, RESOURCE, startServer } from './support.ts'

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

async function start(options: Parameters<typeof startServer>[0] = {}) {
  const { origin, events } = await startServer(options)
  const client = createClient(origin)
  const { json } = await client.register({
    client_name: 'Living room display',
    grant_types: [DEVICE_CODE, 'refresh_token'],
    redirect_uris: undefined,
  })
  const client_id = json.client_id as string
  const ask = async (fields: Record<string, string> = {}) => {
    const { status, json: answer } = await client.form('/oauth/device_authorization', { client_id, ...fields })
    expect(status).toBe(200)
    return answer as {
      device_code: string
      user_code: string
      verification_uri: string
      verification_uri_complete: string
    }
  }
  const poll = (device_code: string) => client.token({ grant_type: DEVICE_CODE, client_id, device_code })
  return { origin, events, client, client_id, ask, poll }
}

/** A browser that opened the address of a code and confirmed that it is the one on the device. */
async function confirm(verificationUriComplete: string) {
  const browser = createBrowser()
  const filled = await browser.open(verificationUriComplete)
  const userCode = /name="user_code" value="([^"]+)"/.exec(filled.text)?.[1] ?? ''
  const asked = await browser.submit(filled, 'user_code', { user_code: userCode })
  return { browser, userCode, asked, page: await browser.submit(asked, 'confirm', { confirm: 'yes' }) }
}

describe('the device flow', () => {
  it('gives the device tokens for the default scopes once the user allowed it elsewhere', async () => {
    const { origin, client, ask, poll } = await start()
    const { device_code, user_code, verification_uri, verification_uri_complete } = await ask()
    expect(verification_uri).toBe(`${origin}/oauth/device`)
    expect((await poll(device_code)).json.error).toBe('authorization_pending')

    const { browser, userCode, asked, page } = await confirm(verification_uri_complete)
    expect(userCode).toBe(user_code)
    expect(asked.text).toContain('Living room display')
    const consent = await browser.submit(page, 'user', { user: 'ada' })
    expect(consent.text).toContain('To the device that showed you the code')
    const done = await browser.submit(consent, 'decision', { decision: 'allow' })
    expect(done.text).toContain('Your device is connected')

    const { status, json } = await poll(device_code)
    expect(status).toBe(200)
    expect(json).toMatchObject({ scope: 'notes:read', refresh_token: expect.any(String) })
    expect((await client.introspect(json.access_token)).json).toMatchObject({ sub: 'ada', aud: RESOURCE })
  })

  it('takes the code typed in small letters and without the dash', async () => {
    const { ask } = await start()
    const { user_code, verification_uri } = await ask()
    const browser = createBrowser()
    const page = await browser.open(verification_uri)
    const asked = await browser.submit(page, 'user_code', { user_code: user_code.toLowerCase().replace('-', '') })
    expect(asked.text).toContain(user_code)
  })

  it('answers what names other records of the store as a code that it does not know', async () => {
    const { client, client_id, ask, poll } = await start()
    const { device_code, user_code } = await ask()
    for (const code of [user_code, `user-code:${user_code.replace('-', '')}`, `claimed:${device_code}`]) {
      expect(await poll(code)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    }
    const refused = await client.refresh(client_id, `consumed:${device_code}`)
    expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  })

  it('tells the device when the user refused', async () => {
    const { ask, poll } = await start()
    const { device_code, verification_uri_complete } = await ask()
    const { browser, page } = await confirm(verification_uri_complete)
    const consent = await browser.submit(page, 'user', { user: 'ada' })
    const refused = await browser.submit(consent, 'decision', { decision: 'deny' })
    expect(refused.text).toContain('Nothing was shared with the device')
    expect((await poll(device_code)).json.error).toBe('access_denied')
  })

  it('gives a code to the first browser that confirms it: no other can approve it', async () => {
    const { ask, poll } = await start()
    const { device_code, user_code, verification_uri, verification_uri_complete } = await ask()
    const first = await confirm(verification_uri_complete)
    const second = createBrowser()
    const page = await second.open(verification_uri)
    const refused = await second.submit(page, 'user_code', { user_code })
    expect(refused.text).toContain('This code was used already')
    expect((await poll(device_code)).json.error).toBe('authorization_pending')

    const consent = await first.browser.submit(first.page, 'user', { user: 'ben' })
    await first.browser.submit(consent, 'decision', { decision: 'allow' })
    expect((await poll(device_code)).status).toBe(200)
  })

  it('gives a code to one of ten browsers that confirm it at once', async () => {
    const { ask } = await start({ stores: distantStores() })
    const { user_code, verification_uri } = await ask()
    const browsers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const browser = createBrowser()
        const page = await browser.open(verification_uri)
        return { browser, asked: await browser.submit(page, 'user_code', { user_code }) }
      }),
    )
    const pages = await Promise.all(
      browsers.map(({ browser, asked }) => browser.submit(asked, 'confirm', { confirm: 'yes' })),
    )
    expect(pages.filter(({ url }) => url.pathname === '/fakeupstreamauth/authorize')).toHaveLength(1)
  })

  it('does not let another browser go on where the first one stopped', async () => {
    const { ask, poll } = await start()
    const { device_code, verification_uri_complete } = await ask()
    const { page } = await confirm(verification_uri_complete)
    expect((await createBrowser().open(page.url)).status).toBe(400)
    expect((await poll(device_code)).json.error).toBe('authorization_pending')
  })

  it('gives tokens to one of ten polls at once', async () => {
    const { ask, poll } = await start({ stores: distantStores() })
    const { device_code, verification_uri_complete } = await ask()
    const { browser, page } = await confirm(verification_uri_complete)
    const consent = await browser.submit(page, 'user', { user: 'ada' })
    await browser.submit(consent, 'decision', { decision: 'allow' })
    const answers = await Promise.all(Array.from({ length: 10 }, () => poll(device_code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('refuses a form without the token of the page', async () => {
    const { ask } = await start()
    const { user_code, verification_uri } = await ask()
    const browser = createBrowser()
    const page = await browser.open(verification_uri)
    const refused = await browser.submit(page, 'user_code', { user_code, xsrf: 'x' })
    expect(refused.status).toBe(400)
    expect(refused.text).not.toContain('Is this your device?')
  })

  it.each([
    ['without a session', {}, new URLSearchParams({ user_code: 'BCDF-GHJK' })],
    ['with the cookie of a session that is made up', { cookie: '_session=x; _session.sig=y' }, new URLSearchParams()],
    ['that is no form', { 'content-type': 'text/plain' }, 'user_code=BCDF-GHJK'],
  ])('answers a form %s with a page that says what to do, and the log has it', async (_name, headers, body) => {
    const { origin, events } = await start()
    const response = await fetch(`${origin}/oauth/device`, { method: 'POST', headers: headers as never, body })
    expect(response.status).toBe(400)
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(response.headers.get('x-frame-options')).toBe('DENY')
    expect(await response.text()).toContain('href="/oauth/device"')
    expect(events.at(-1)).toMatchObject({ event: 'device_form_refused', facts: { error: 'invalid_request' } })
  })

  it.each([
    ['a code that does not exist', 'BCDF-GHJK', 'There is no such code'],
    ['markup', '<script>alert(1)</script>', 'There is no such code'],
    ['nothing', '', 'Enter the code first'],
  ])('asks again for %s', async (_name, user_code, message) => {
    const { ask } = await start()
    const { verification_uri } = await ask()
    const browser = createBrowser()
    const again = await browser.submit(await browser.open(verification_uri), 'user_code', { user_code })
    expect(again.text).toContain(message)
    expect(again.text).not.toContain('<script')
  })

  it('shows a code from the address as text', async () => {
    const { origin } = await start()
    const page = await createBrowser().open(`${origin}/oauth/device?user_code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E`)
    expect(page.text).toContain('&#34;&#62;&#60;script&#62;')
    expect(page.text).not.toContain('<script')
  })

  it('keeps nothing of a request but what it needs, so that strangers fill no store', async () => {
    const stores = createMemoryStores()
    const { ask } = await start({ stores })
    const { device_code } = await ask({
      nonce: 'x'.repeat(4000),
      login_hint: 'y'.repeat(4000),
      scope: 'z '.repeat(2000),
    })
    const kept = JSON.stringify(await stores('DeviceCode').get(device_code))
    expect(kept.length).toBeLessThan(800)
    expect(kept).toContain('"scope":"notes:read"')
  })

  it('is refused for a resource of a stranger', async () => {
    const { client, client_id } = await start()
    const refused = await client.form('/oauth/device_authorization', {
      client_id,
      resource: 'https://elsewhere.example.com',
    })
    expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_target' } })
  })
})
