import { describe, expect, it, onTestFinished } from 'vitest'
import { type OptionalMember, optionalMembers } from '../../../emulators/core/optional-members.ts'
import { runEmulator } from '../../../emulators/run.ts'
import { freePort } from '../../support/http.ts'
import { createMcpUser, type Sdk } from '../mcp-user.ts'
import { startServers } from '../servers.ts'

interface Case {
  readonly name: 'auth0' | 'azure' | 'okta' | 'oidc' | 'introspection' | 'userinfo'
  readonly login: string
  /** Optional members without which the server accepts no token. */
  readonly needed: readonly OptionalMember[]
}

/** SDK 2.x steps up to this and the new scope; where it is left out, it asks for the new one alone, and loses the others. */
const OF_CLIENTS: OptionalMember = 'token.scope'

const cases: readonly Case[] = [
  { name: 'auth0', login: 'ada', needed: [] },
  { name: 'azure', login: 'ada@contoso.example', needed: [] },
  { name: 'okta', login: 'ada@example.com', needed: [] },
  { name: 'oidc', login: 'ada', needed: [] },
  {
    name: 'introspection',
    login: 'ada',
    needed: [
      'discovery.introspection_endpoint',
      'introspection.aud',
      'introspection.client_id',
      'introspection.scope',
      'introspection.sub',
    ],
  },
  { name: 'userinfo', login: 'ada', needed: ['discovery.userinfo_endpoint'] },
]

describe.each<Sdk>(['1.x', '2.x'])('an official client of SDK %s', sdk => {
  it.each(cases)(
    'signs in and calls tools while $name leaves out every optional member',
    async ({ name, login, needed }) => {
      const PORT = String(await freePort())
      const resource = `http://localhost:${PORT}/mcp`
      const { emulator, settings, client } = await runEmulator(name, { resource })
      onTestFinished(emulator.close)
      const kept = [...needed, OF_CLIENTS]
      emulator.vary({ omit: [...optionalMembers.keys()].filter(member => !kept.includes(member)) })
      const { issuer } = await startServers({ AUTH_PROVIDER: name, ...settings, PORT })

      const registered = { client_id: client.clientId, issuer }
      const ada = createMcpUser(sdk, resource, login, { refresh: false, client: registered })
      await ada.connect()
      expect((await ada.call('whoami')).text).toContain(issuer)
      await ada.callSteppingUp('add_note', { title: 'Milk', text: 'Two litres' })
      expect((await ada.call('list_notes')).text).toContain('Milk')
    },
  )
})
