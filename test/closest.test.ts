import { describe, expect, it } from 'vitest'
import { closest, didYouMean } from '../src/closest.ts'

describe('the closest name', () => {
  it.each([
    ['AUTH_PROVDER', 'AUTH_PROVIDER'],
    ['AUTH_PROVIDERS', 'AUTH_PROVIDER'],
    ['AUTH_PORVIDER', 'AUTH_PROVIDER'],
    ['AUTHPROVIDER', 'AUTH_PROVIDER'],
    ['auth-provider', 'AUTH_PROVIDER'],
    ['PROT', 'PORT'],
    ['POORT', 'PORT'],
    ['BRIDGE_ALLOWED', 'BRIDGE_ALLOW'],
  ])('to %s is %s', (text, name) => {
    expect(closest(text, ['HOST', 'PORT', 'BRIDGE_ALLOW', 'AUTH_PROVIDER'])).toBe(name)
  })

  it.each(['PATH', 'POSTS', 'AUTH', 'AUTH_TOKEN', 'AUTH_PROXY', 'BRIDGE', 'SERVICE_PORT', '', '_'])(
    'to %s is none',
    text => {
      expect(closest(text, ['PORT', 'BRIDGE_ALLOW', 'AUTH_PROVIDER'])).toBeUndefined()
    },
  )

  it('is the nearest of several', () => {
    expect(closest('CLIENT_IDS', ['CLIENT_ID', 'CLIENT_IDS_FILE', 'CLIENT_IDSS'])).toBe('CLIENT_ID')
    expect(closest('CLIENT_ID', ['CLIENT_IDS', 'CLIENT_ID'])).toBe('CLIENT_ID')
  })

  it('makes a question, or nothing', () => {
    expect(didYouMean('auht0', ['okta', 'auth0'])).toBe(' (did you mean auth0?)')
    expect(didYouMean('keycloak', ['okta', 'auth0'])).toBe('')
  })
})
