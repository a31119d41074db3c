import { expect, it } from 'vitest'
import { localIssuerWarning } from '../../../app/serve/local-issuer.ts'
import { loadConfiguration } from '../../../config/load.ts'

const BRIDGE = {
  AUTH_PROVIDER: 'auth0',
  AUTH0_DOMAIN: 'acme.eu.auth0.com',
  AUTH_BRIDGE: 'on',
  BRIDGE_CLIENT_ID: 'bridge',
  BRIDGE_CLIENT_SECRET: 'secret',
  BRIDGE_ALLOW: 'everyone',
  BRIDGE_GRANT_SCOPES: 'notes:read',
}
const PUBLIC = { PUBLIC_URL: 'https://mcp.example.com' }
const warning = (env: Record<string, string>) => localIssuerWarning(loadConfiguration({ ...BRIDGE, ...env }))

it('warns where clients come from elsewhere and are sent to this machine to sign in', () => {
  const said =
    'AUTH_SERVER_URL is http://localhost:3001, where clients of https://mcp.example.com/mcp are sent to sign in, and only this machine reaches it. Set it to the URL at which they reach the authorization server, or AUTH_MODE=embedded'
  expect(warning(PUBLIC)).toBe(said)
  expect(warning({ ...PUBLIC, AUTH_SERVER_URL: 'http://localhost:3001' })).toBe(said)
})

it.each([
  ['on one machine', {}],
  ['where the authorization server has a public name', { ...PUBLIC, AUTH_SERVER_URL: 'https://auth.example.com' }],
  ['where it shares that of the server', { ...PUBLIC, AUTH_MODE: 'embedded' }],
  ['without one', { ...PUBLIC, AUTH_BRIDGE: 'off' }],
])('does not warn %s', (_where, env) => {
  expect(warning(env)).toBeUndefined()
})
