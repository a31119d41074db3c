import { describe, expect, it } from 'vitest'
import { startGatewayTo } from '../e2e/gateway-servers.ts'
import { createMcpUser } from '../e2e/mcp-user.ts'
import { startTarget } from '../proxies/target.ts'
import { checks } from './programs.ts'

const declaration = { name: 'Files', scopes: { 'files:read': 'Read' }, initialScopes: ['files:read'] }

/** An assertion as a target got it from the gateway, for a person who signed in at the demo. */
async function assertionOfAda() {
  const target = await startTarget()
  const self = `http://127.0.0.1:${target.port}/mcp`
  const { resource } = await startGatewayTo(self, { declaration, identity: { kind: 'assertion' } })
  const ada = createMcpUser('2.x', resource, 'ada')
  await ada.connect()
  const { 'x-mcp-assertion': assertion } = JSON.parse((await ada.call('whoami')).text)
  return { gateway: new URL(resource).origin, self, assertion: String(assertion), token: ada.memory.accessToken }
}

describe.each(Object.entries(checks))('the check in %s', (_language, checkFor) => {
  it('knows the caller of a real gateway, and refuses everything else', async () => {
    const { gateway, self, assertion, token } = await assertionOfAda()
    const check = await checkFor(gateway, self)
    expect(await check(assertion)).toMatchObject({
      iss: gateway,
      aud: self,
      sub: 'ada',
      scope: 'files:read',
      sub_id: { format: 'iss_sub', iss: expect.any(String), sub: 'ada' },
    })
    // An access token of the same person.
    await expect(check(String(token))).rejects.toThrow()
    const [header, claims, signature = ''] = assertion.split('.')
    const forged = Buffer.from(signature, 'base64url')
    forged.writeUInt8(forged.readUInt8(10) ^ 1, 10)
    await expect(check([header, claims, forged.toString('base64url')].join('.'))).rejects.toThrow()
    const unsigned = Buffer.from('{"alg":"none","typ":"mcp-assertion+jwt"}').toString('base64url')
    await expect(check(`${unsigned}.${claims}.`)).rejects.toThrow()
    await expect(check('')).rejects.toThrow()

    const ofAnother = await checkFor(gateway, 'http://127.0.0.1:9/mcp')
    await expect(ofAnother(assertion)).rejects.toThrow()
  })
})
