import { describe, expect, it, onTestFinished } from 'vitest'
import { createAudit } from '../../demo-as/audit.ts'
import { listen } from '../support/http.ts'
import { startWithClient } from './support.ts'

type Event = { event: string } & Record<string, unknown>

/** A server that logs one event for each request, some time after it was handed over. */
async function audited(trustedProxies: readonly string[]) {
  const events: Event[] = []
  const audit = createAudit((event, facts) => events.push({ event, ...facts }), trustedProxies)
  const { origin, close } = await listen((req, res) => {
    audit.during(req, res, async () => {
      await new Promise(resolve => setImmediate(resolve))
      audit.log('decided', { path: req.url })
      res.end()
    })
  })
  onTestFinished(close)
  return { origin, events, audit }
}

describe('an event', () => {
  it('names the request that it was decided for, by the id that the client got', async () => {
    const { origin, events } = await audited([])
    const paths = ['/a', '/b', '/c']
    const answers = await Promise.all(paths.map(path => fetch(origin + path)))
    for (const [index, answer] of answers.entries()) {
      const requestId = answer.headers.get('x-request-id')
      expect(requestId).toMatch(/^[\w-]{36}$/)
      expect(events).toContainEqual({ event: 'decided', path: paths[index], requestId, address: '127.0.0.1' })
    }
  })

  it.each([
    [['127.0.0.1'], '203.0.113.9'],
    [['10.0.0.0/8'], '127.0.0.1'],
    [[], '127.0.0.1'],
  ])('has the address of the client behind the proxies %j', async (trustedProxies, address) => {
    const { origin, events } = await audited(trustedProxies)
    await fetch(origin, { headers: { 'X-Forwarded-For': '198.51.100.1, 203.0.113.9' } })
    expect(events).toMatchObject([{ address }])
  })

  it('outside of any request names none', async () => {
    const { audit, events } = await audited([])
    audit.log('signing_keys_changed', { signing: 'k1' })
    expect(events).toEqual([{ event: 'signing_keys_changed', signing: 'k1' }])
  })
})

describe('every decision of a server', () => {
  it('from the registration to the end names its request, its client, and the person as soon as there is one', async () => {
    const { client, events } = await startWithClient()
    const { clientId, tokens } = await client.obtainTokens({}, 'ada')
    const refreshed = await client.refresh(clientId, tokens.refresh_token)
    await client.refresh(clientId, tokens.refresh_token, { scope: 'notes:admin' })
    await client.form('/oauth/revoke', { client_id: clientId, token: refreshed.json.refresh_token })
    await client.refresh(clientId, refreshed.json.refresh_token)
    const ada = { clientId, subject: 'ada' }
    expect(events.map(({ event, facts }) => [event, facts])).toEqual([
      ['client_registered', expect.objectContaining({ clientId })],
      ['signed_in', expect.objectContaining(ada)],
      ['consent_given', expect.objectContaining(ada)],
      ['token_issued', expect.objectContaining({ ...ada, grantType: 'authorization_code' })],
      ['token_issued', expect.objectContaining({ ...ada, grantType: 'refresh_token' })],
      ['token_refused', expect.objectContaining({ clientId, error: 'invalid_grant' })],
      ['family_revoked', expect.objectContaining(ada)],
      ['token_refused', expect.objectContaining({ clientId, error: 'invalid_grant' })],
    ])
    for (const { facts } of events) {
      expect(facts).toMatchObject({
        requestId: expect.stringMatching(/^[\w-]{36}$/),
        address: expect.stringMatching(/127|::1/),
      })
    }
    expect(new Set(events.map(({ facts }) => facts.requestId)).size).toBeGreaterThan(5)
    const text = JSON.stringify(events)
    for (const secret of [tokens.access_token, tokens.refresh_token, refreshed.json.refresh_token]) {
      expect(text).not.toContain(secret)
    }
  })
})
