import { expect, it, onTestFinished } from 'vitest'
import { everythingMain, startEverything, startGatewayTo } from '../e2e/gateway-servers.ts'
import { freePort } from '../support/http.ts'
import { clients } from './drivers/index.ts'

it.each(clients)('$name signs in and calls a tool of somebody else’s server, through the gateway', async client => {
  const everything = await startEverything()
  for (const target of [everything.url, [process.execPath, everythingMain] as const]) {
    const issuer = `http://localhost:${await freePort()}`
    const { resource } = await startGatewayTo(target, { settings: { AUTH_SERVER_PORT: new URL(issuer).port } })
    const session = client.start({ url: resource, issuer, login: 'ada' })
    onTestFinished(() => session.close())
    await session.connect()
    expect(await session.list()).toContain('echo')
    expect(await session.call('echo', { message: 'hello' })).toContain('Echo: hello')
    await session.close()
  }
})
