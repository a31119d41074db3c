import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { prometheus } from '../../../app/observe/metrics.ts'
import { LIMITS } from '../../../demo-as/strangers/limits.ts'

/** Metrics after some events, as the page has them. */
async function after(...events: [event: string, facts?: Record<string, unknown>][]) {
  const { observer, registry } = prometheus({ registry: new Registry() })
  for (const [event, facts = {}] of events) observer.authorizationServer?.(event, facts)
  const lines = (await registry.metrics()).split('\n').filter(line => line.startsWith('idplug_'))
  return { lines, observer, registry }
}

describe('metrics of the authorization server', () => {
  it.each([
    [['signed_in'], 'idplug_sign_ins_total{outcome="signed_in"} 1'],
    [['sign_in_refused', { outcome: 'not_allowed' }], 'idplug_sign_ins_total{outcome="not_allowed"} 1'],
    [
      ['token_issued', { grantType: 'authorization_code' }],
      'idplug_tokens_issued_total{grant_type="authorization_code"} 1',
    ],
    [['token_issued', { grantType: 'refresh_token' }], 'idplug_refreshes_total{outcome="issued"} 1'],
    [['refresh_repeated'], 'idplug_refreshes_total{outcome="repeated"} 1'],
    [
      ['token_refused', { grantType: 'refresh_token', error: 'invalid_grant' }],
      'idplug_refreshes_total{outcome="refused"} 1',
    ],
    [
      ['token_refused', { grantType: 'refresh_token', error: 'temporarily_unavailable' }],
      'idplug_refreshes_total{outcome="unavailable"} 1',
    ],
    [['access_ended', { outcome: 'not_allowed' }], 'idplug_access_ended_total{outcome="not_allowed"} 1'],
    [['client_registered'], 'idplug_registrations_total{outcome="registered"} 1'],
    [['registration_refused'], 'idplug_registrations_total{outcome="refused"} 1'],
    [
      ['strangers_refused', { activity: 'registrations', limit: 'total', requests: 40 }],
      'idplug_limited_requests_total{activity="registrations",limit="total"} 40',
    ],
    [['family_revoked'], 'idplug_families_revoked_total 1'],
    [['server_error'], 'idplug_authorization_server_errors_total 1'],
  ] as [[string, Record<string, unknown>?], string][])('counts %j as %s', async (event, line) => {
    expect((await after(event)).lines).toContain(line)
  })

  it('have no label that a client or provider chooses', async () => {
    const { lines } = await after(
      ['token_issued', { grantType: 'urn:made-up', clientId: 'somebody' }],
      ['sign_in_refused', { outcome: 'made up' }],
    )
    expect(lines).toContain('idplug_tokens_issued_total{grant_type="other"} 1')
    expect(lines).toContain('idplug_sign_ins_total{outcome="other"} 1')
    expect(lines.join('\n')).not.toMatch(/made|somebody/)
  })

  it('start at 0, so that a rate sees the first event', async () => {
    expect((await after()).lines).toEqual(
      expect.arrayContaining([
        'idplug_refreshes_total{outcome="unavailable"} 0',
        'idplug_sign_ins_total{outcome="away"} 0',
      ]),
    )
  })

  it('measure calls to the store and to the provider', async () => {
    const { observer, registry } = await after()
    const { authorizationServerCall: call } = observer
    call?.({ dependency: 'store', operation: 'get', outcome: 'failed', milliseconds: 2000 })
    call?.({ dependency: 'upstream', operation: 'recheck', outcome: 'away', milliseconds: 30 })
    const text = await registry.metrics()
    expect(text).toContain('idplug_store_calls_total{operation="get",outcome="failed"} 1')
    expect(text).toContain('idplug_store_seconds_bucket{le="2.5",operation="get"} 1')
    expect(text).toContain('idplug_bridge_calls_total{operation="recheck",outcome="away"} 1')
    expect(text).toContain('idplug_bridge_seconds_sum{operation="recheck"} 0.03')
  })
})

it('knows everything that is limited by its name', async () => {
  for (const activity of Object.keys(LIMITS)) {
    const { lines } = await after(['strangers_refused', { activity, limit: 'address', requests: 1 }])
    expect(lines).toContain(`idplug_limited_requests_total{activity="${activity}",limit="address"} 1`)
  }
})
