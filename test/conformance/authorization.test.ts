import { expect, it } from 'vitest'
import type { Upstream } from '../../demo-as/upstream/upstream.ts'
import { createClient, RESOURCE, startServer } from '../demo-as/support.ts'
import { createBrowser, signIn } from '../support/browser.ts'
import { freePort } from '../support/http.ts'
import { runSuite } from './suite.ts'

const RUN_MILLISECONDS = 300_000

/** A provider where Ada is signed in already: it sends every browser straight back. */
const upstream: Upstream = {
  name: 'Example ID',
  depart: async ({ state, redirectUri }) => ({ url: `${redirectUri}?${new URLSearchParams({ state, code: 'ada' })}` }),
  identify: async () => ({
    outcome: 'signed_in',
    user: { subject: 'example:1', username: 'ada', name: 'Ada', scopes: ['notes:read', 'notes:write'] },
  }),
}

async function consent(authorizeUrl: string): Promise<URL> {
  const browser = createBrowser()
  return (await browser.submit(await browser.open(authorizeUrl), 'decision', { decision: 'allow' })).url
}

it.each([
  ['opaque tokens', { accessTokenFormat: 'opaque' }, signIn],
  ['jwt tokens', { accessTokenFormat: 'jwt' }, signIn],
  ['opaque tokens, through a bridge', { accessTokenFormat: 'opaque', upstream }, consent],
  ['jwt tokens, through a bridge', { accessTokenFormat: 'jwt', upstream }, consent],
] as const)(
  'passes 2 of 2 scenarios of the official conformance suite without a warning, with %s',
  { timeout: RUN_MILLISECONDS },
  async (_name, options, person) => {
    const { origin } = await startServer(options)
    const { json: client } = await createClient(origin).register({ redirect_uris: ['http://127.0.0.1/callback'] })
    const port = String(await freePort())

    const run = await runSuite(
      ['authorization', '--url', origin, '--client-id', client.client_id, '--resource', RESOURCE, '--port', port],
      async line => {
        if (line.startsWith(`${origin}/oauth/authorize?`)) await fetch(await person(line))
      },
    )

    expect(run.shortcomings).toEqual([])
    expect([...run.passed].sort()).toEqual(['authorization-code-grant', 'authorization-server-metadata-endpoint'])
    expect(run.exitCode, run.output).toBe(0)
  },
)
