import { describe, expect, it, onTestFinished } from 'vitest'
import { emulatorNames, runEmulator } from '../../emulators/run.ts'
import { startServers } from '../e2e/servers.ts'
import { freePort } from '../support/http.ts'

describe.each(emulatorNames)('the emulator of %s', name => {
  it('is all that a server needs, with the settings that it says', async () => {
    const PORT = String(await freePort())
    const { emulator, origin, settings } = await runEmulator(name, { resource: `http://localhost:${PORT}/mcp` })
    onTestFinished(emulator.close)
    expect(settings.AUTH_PROVIDER).toBe(name)
    const { resource, issuers, log } = await startServers({ PORT, ...settings })
    const ready = async () => (await fetch(new URL('/ready', resource))).status
    await expect.poll(ready, { timeout: 10_000 }).toBe(200)
    expect(issuers[0]).toContain(origin)
    expect(log()).not.toContain('provider_not_ready')
  })
})
