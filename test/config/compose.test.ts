import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadConfiguration } from '../../config/load.ts'
import { settingsSchema } from '../../config/settings.ts'

interface Compose {
  services: Record<string, { environment?: Record<string, string>; command?: string[]; ports?: string[] }>
}

const compose = parse(readFileSync(new URL('../../compose.yaml', import.meta.url), 'utf8')) as Compose

describe('compose.yaml', () => {
  it('runs the server, the authorization server and Redis', () => {
    expect(Object.keys(compose.services)).toEqual(['mcp', 'authorization-server', 'redis'])
  })

  it.each(['mcp', 'authorization-server'])('compose.yaml sets only settings that %s knows', service => {
    const names = Object.keys(compose.services[service]?.environment ?? {})
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter(name => !(name in settingsSchema.shape))).toEqual(['NODE_ENV'])
  })

  it.each([
    ['mcp', false],
    ['authorization-server', true],
  ])('gives %s settings that it starts with, and that say what is unsafe', (service, isAuthorizationServer) => {
    const secret = { DEMO_RS_CLIENT_SECRET: 'a-secret-long-enough' }
    // idplug authorization-server is separate by itself.
    const env = { AUTH_MODE: 'separate', ...compose.services[service]?.environment, ...secret }
    const { warnings } = loadConfiguration(env, { isAuthorizationServer })
    expect(warnings.map(({ setting }) => setting)).toEqual([
      ...(isAuthorizationServer ? ['BRIDGE_KEYS'] : []),
      'AUTH_INSECURE_HOSTS',
      'DANGEROUSLY_ALLOW_FAKE_SIGN_IN',
    ])
  })

  it('has the server ask the authorization server by its name inside, and publish the name outside', () => {
    const env = { ...compose.services.mcp?.environment, DEMO_RS_CLIENT_SECRET: 'a-secret-long-enough' }
    const { providers, demoIssuer } = loadConfiguration(env)
    const { hostname, port, protocol } = new URL(String(providers[0]?.options.metadataUrl))
    expect(Object.keys(compose.services)).toContain(hostname)
    expect([protocol, port]).toEqual(['http:', '3001'])
    expect(providers[0]?.options.issuer).toBe('http://localhost:3001')
    expect(demoIssuer).toBe('http://localhost:3001')
  })

  it('publishes the fake sign-in to this machine only', () => {
    const ports = Object.values(compose.services).flatMap(({ ports = [] }) => ports)
    expect(ports).toHaveLength(2)
    expect(ports.filter(port => !port.startsWith('127.0.0.1:'))).toEqual([])
  })

  it('gives both servers the same issuer and the same secret', () => {
    const [mcp, as] = [compose.services.mcp?.environment, compose.services['authorization-server']?.environment]
    expect(mcp?.AUTH_SERVER_URL).toBe(as?.AUTH_SERVER_URL)
    expect(mcp?.DEMO_RS_CLIENT_SECRET).toBe(as?.DEMO_RS_CLIENT_SECRET)
    expect(mcp?.PUBLIC_URL).toBe(as?.PUBLIC_URL)
    expect(mcp?.REDIS_URL).toBe(as?.REDIS_URL)
  })
})
