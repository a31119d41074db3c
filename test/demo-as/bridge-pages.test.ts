import { describe, expect, it, onTestFinished } from 'vitest'
import type { AuthorizationServerOptions } from '../../demo-as/server.ts'
import type { Identification, SignedInUser, Upstream } from '../../demo-as/upstream/upstream.ts'
import { UpstreamUnavailableError } from '../../demo-as/upstream/upstream.ts'
import { openPage, screenshot } from '../support/chromium.ts'
import { listen } from '../support/http.ts'
import { listenHttps } from '../support/https.ts'
import { createClient, startServer } from './support.ts'

const ada: SignedInUser = { subject: 'example:1', username: 'ada', name: 'Ada', scopes: ['notes:read', 'notes:write'] }
const ben: SignedInUser = { subject: 'example:2', username: 'ben', name: 'Ben', scopes: ['notes:read', 'notes:write'] }

/** A provider on another origin whose page sends the browser straight back. */
async function startUpstream(identify: () => Identification) {
  let callback = ''
  const provider = await listen((req, res) => {
    const { searchParams } = new URL(req.url ?? '', 'http://upstream')
    res.setHeader('content-type', 'text/html')
    res.end(`<title>Example ID</title><a href="${callback}?code=x&amp;state=${searchParams.get('state')}">Sign in</a>`)
  })
  onTestFinished(provider.close)
  const upstream: Upstream = {
    name: 'Example ID',
    async depart({ state, redirectUri, another = false }) {
      callback = redirectUri
      return { url: `${provider.origin}/login?state=${state}&another=${another}` }
    },
    identify: async () => identify(),
  }
  return upstream
}

async function start({ identify = () => ({ outcome: 'signed_in', user: ada }), clientDocuments }: Setup = {}) {
  const upstream = await startUpstream(identify)
  const { origin } = await startServer({ upstream, clientDocuments })
  const client = createClient(origin)
  const listener = await listen((_req, res) => res.setHeader('content-type', 'text/html').end('The client has it.'))
  onTestFinished(listener.close)
  const redirect_uri = `http://localhost:${listener.port}/callback`
  const { json } = await client.register({ client_name: 'Claude Code', redirect_uris: [redirect_uri] })
  const page = await openPage()
  const complaints: string[] = []
  page.on('console', message => complaints.push(message.text()))
  const urlOf = (clientId: string) => client.authorizeUrl(clientId, { redirect_uri }).url.href
  return { page, url: urlOf(json.client_id), urlOf, redirect_uri, complaints }
}

interface Setup {
  identify?: () => Identification
  clientDocuments?: AuthorizationServerOptions['clientDocuments']
}

describe('the bridge in Chromium', () => {
  it('asks, leads to the provider and back, and the console stays empty', async () => {
    const { page, url, complaints } = await start()
    await page.goto(url)
    await page.getByRole('heading', { name: 'Allow access to Notes?' }).waitFor()
    await page.getByText('you sign in at Example ID next').waitFor()
    await screenshot(page, 'bridge-consent')
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.waitForURL(/\/callback\?code=/)
    expect(complaints.filter(text => !text.includes('favicon'))).toEqual([])
  })

  it('does not ask again when the person wants it so, and asks when a page of another site leads there', async () => {
    const { page, url } = await start()
    await page.goto(url)
    await page.getByLabel('Do not ask again').check()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.waitForURL(/\/callback\?code=/)

    await page.goto(url)
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.waitForURL(/\/callback\?code=/)

    const hostile = await listen((_req, res) => {
      res.setHeader('content-type', 'text/html')
      res.end(`<meta http-equiv="refresh" content="0;url=${url.replaceAll('&', '&amp;')}">`)
    })
    onTestFinished(hostile.close)
    await page.goto(hostile.origin)
    await page.getByRole('heading', { name: 'Allow access to Notes?' }).waitFor()
    expect(await page.getByLabel('Do not ask again').count()).toBe(0)
  })

  it('asks whoever signed in when it was somebody else who had consented', async () => {
    const people = [ada, ben]
    const { page, url } = await start({ identify: () => ({ outcome: 'signed_in', user: people.shift() ?? ben }) })
    await page.goto(url)
    await page.getByLabel('Do not ask again').check()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.waitForURL(/\/callback\?code=/)
    await page.goto(url)
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByText('as Ben').waitFor()
    await page.getByRole('button', { name: 'Sign in as somebody else' }).click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
  })

  it('survives the Back button: from the provider to the question, and through', async () => {
    const { page, url } = await start()
    await page.goto(url)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    await page.goBack()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.waitForURL(/\/callback\?code=/)
  })

  it('lets somebody who may not enter sign in with another account', async () => {
    const answers: Identification[] = [
      { outcome: 'not_allowed', words: 'Only people of example.com may.', reason: 'domain' },
      { outcome: 'signed_in', user: ada },
    ]
    const { page, url } = await start({ identify: () => answers.shift() ?? { outcome: 'nobody' } })
    await page.goto(url)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: 'sign in with another account' }).click()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(/another=true/)
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.waitForURL(/\/callback\?code=/)
  })

  it.each<[string, string, () => Identification]>([
    [
      'bridge-not-allowed',
      'You do not have access',
      () => ({ outcome: 'not_allowed', words: 'Only people of example.com may.', reason: 'domain' }),
    ],
    ['bridge-nobody', 'Nobody signed in', () => ({ outcome: 'nobody' })],
    [
      'bridge-unavailable',
      'Example ID is not responding',
      () => {
        throw new UpstreamUnavailableError('connection refused')
      },
    ],
  ])('%s: says "%s"', async (name, heading, identify) => {
    const { page, url } = await start({ identify })
    await page.goto(url)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: heading }).waitFor()
    await screenshot(page, name)
  })
})

describe('a client with a metadata document in Chromium', () => {
  async function startDocument(status: number) {
    let document = {}
    const host = await listenHttps('client.example', (_req, res) =>
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document)),
    )
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }]
    const started = await start({ clientDocuments: { privateHosts: [host], resolve } })
    const client_id = `https://${host}/client.json`
    document = {
      client_id,
      client_name: 'Claude',
      redirect_uris: [started.redirect_uri],
      token_endpoint_auth_method: 'none',
    }
    await started.page.goto(started.urlOf(client_id))
    return { ...started, host }
  }

  it('is named with the host that publishes it', async () => {
    const { page, host } = await startDocument(200)
    await page.getByRole('heading', { name: 'Allow access to Notes?' }).waitFor()
    await page.getByText(host).waitFor()
    expect(await page.getByLabel('Do not ask again').count()).toBe(0)
    await screenshot(page, 'document-consent')
  })

  it('that publishes nothing usable gets a page that says so', async () => {
    const { page } = await startDocument(404)
    await page.getByRole('heading', { name: 'Unknown application' }).waitFor()
    await screenshot(page, 'document-unusable')
  })

  it('that cannot be reached gets a page that says to try again', async () => {
    const { page } = await startDocument(500)
    await page.getByRole('heading', { name: 'Not reachable right now' }).waitFor()
    await screenshot(page, 'document-unreachable')
  })
})
