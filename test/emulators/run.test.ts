import { describe, expect, it, onTestFinished } from 'vitest'
import { emulatorNames, runEmulator } from '../../emulators/run.ts'
import { personAt } from '../app/commands/client/person.ts'
import { openTerminal } from '../app/commands/client/support.ts'
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

  it('has a client for people, with which the command signs in', async () => {
    const PORT = String(await freePort())
    const { emulator, settings, resource, client } = await runEmulator(name, {
      resource: `http://localhost:${PORT}/mcp`,
    })
    onTestFinished(emulator.close)
    await startServers({ PORT, ...settings })
    const { clientId, secret, redirectUri } = client
    const terminal = openTerminal(secret && { CLIENT_SECRET: secret.value })
    const credentials = secret ? ['--client-secret-env', 'CLIENT_SECRET', '--issuer', secret.issuer] : []
    const given = ['--client-id', clientId, ...credentials, '--redirect-uri', redirectUri]
    const users: Record<string, string> = { okta: 'ada@example.com', azure: 'ada@contoso.example' }
    const user = users[name] ?? 'ada'
    const { code, stderr, stdout } = await terminal.run(['login', resource, '--no-browser', ...given], personAt(user))
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toContain(`Signed in to ${resource}.`)
  })
})
