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

describe('a server at a public URL', () => {
  const { servesHost: serves } = createOriginCheck({
    publicUrls: ['https://mcp.example.com/mcp', 'http://mcp.internal', 'https://mcp.example.com:8443'],
    allowedHosts: [],
    allowedOrigins: [],
  })

  it.each(['mcp.example.com', 'MCP.example.com', 'mcp.example.com:8443', 'mcp.example.com:443', 'mcp.internal:80'])(
    'serves %s, whether or not a proxy names the port of the scheme',
    host => {
      expect(serves(host)).toBe(true)
    },
  )

  it.each([
    'mcp.example.com:80',
    'mcp.example.com:0443',
    'mcp.example.com:',
    'mcp.internal:443',
    'mcp.example.com.evil',
  ])('does not serve %s', host => {
    expect(serves(host)).toBe(false)
  })
})
