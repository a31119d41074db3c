import { describe, expect, it } from 'vitest'
import { providers } from './providers.ts'
import { startBridge } from './support.ts'

describe.each(Object.entries(providers))(
  'through a bridge to %s, an MCP client',
  (_name, { create, settings, login, subject }) => {
    it.each(['1.x', '2.x'] as const)('of SDK %s registers, signs in and calls tools', async sdk => {
      const { origin, servers, person } = await startBridge(create, settings)
      const ada = person(login, sdk)
      await ada.connect()
      expect((await ada.call('list_notes')).isError).toBe(false)
      expect((await ada.call('whoami')).text).toContain(subject(new URL(origin).host))
      expect(ada.memory.authorizationRequests).toBe(1)
      expect(servers.issuer).not.toBe(origin)
    })
  },
)
