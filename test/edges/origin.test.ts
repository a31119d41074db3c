import { describe, expect, it } from 'vitest'
import { createOriginCheck } from '../../src/edges/origin.ts'

const { servesHost, servesOrigin } = createOriginCheck({
  publicUrls: ['http://localhost:3000/mcp'],
  allowedHosts: [],
  allowedOrigins: [],
})

describe('a server on this machine', () => {
  it.each(['localhost:3000', 'LOCALHOST:8080', '127.0.0.1', '[::1]:3000', 'app.localhost'])('serves %s', host => {
    expect(servesHost(host)).toBe(true)
    expect(servesOrigin(`http://${host.toLowerCase()}`)).toBe(true)
  })

  it.each([
    'evil.example',
    'evil.example@localhost',
    'localhost@evil.example',
    'localhost/evil.example',
    'localhost#evil.example',
    'localhost?evil.example',
    'localhost\\evil.example',
    'localhost evil.example',
    'localhost.evil.example',
    '',
  ])('does not serve %j', host => {
    expect(servesHost(host)).toBe(false)
    expect(servesOrigin(`http://${host}`)).toBe(false)
  })
})
