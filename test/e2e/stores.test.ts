import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { migrateStore } from '../../demo-as/stores/open.ts'
import { createClient } from '../demo-as/support.ts'
import { postgresForTest } from '../support/postgres.ts'
import { createMcpUser } from './mcp-user.ts'
import { startProcessesOn } from './processes.ts'

const stores: [string, () => Promise<Record<string, string>>][] = [
  ['SQLite file', async () => ({ AUTH_DATA_DIR: mkdtempSync(join(tmpdir(), 'data-')) })],
  [
    'PostgreSQL',
    async () => {
      const { url } = await postgresForTest()
      await migrateStore({ kind: 'postgres', url })
      return { DATABASE_URL: url }
    },
  ],
]

describe.each(stores)('two processes on one %s', (_name, open) => {
  it('redeem a code once and make one refresh of two hundred at once, and lose nothing when they are killed', async () => {
    const processes = await startProcessesOn(await open())
    const { issuer, resource } = processes
    const client = createClient(issuer)
    const { json } = await client.register()
    const { fields } = await client.obtainCode(json.client_id, { resource })
    const answers = await Promise.all(Array.from({ length: 200 }, () => client.token(fields)))
    // On a busy machine some are told to ask again.
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const refused = answers.filter(({ status }) => status !== 200).map(({ json }) => json.error)
    expect(refused.filter(error => error !== 'invalid_grant' && error !== 'temporarily_unavailable')).toEqual([])

    const ada = createMcpUser('2.x', resource, 'ada')
    await ada.connect()
    const { clientId, tokens } = await client.obtainTokens({ resource })
    const refreshes = await Promise.all(
      Array.from({ length: 200 }, () => client.refresh(clientId, tokens.refresh_token)),
    )
    const renewed = new Set(refreshes.filter(({ status }) => status === 200).map(({ json }) => json.refresh_token))
    expect(renewed.size).toBe(1)
    const others = refreshes.filter(({ status }) => status !== 200).map(({ json }) => json.error)
    expect(others.filter(error => error !== 'temporarily_unavailable')).toEqual([])
    const [token = ''] = renewed

    await processes.restart()
    expect((await ada.call('whoami')).isError).toBe(false)
    expect(ada.memory.authorizationRequests).toBe(1)
    expect((await client.refresh(clientId, token)).status).toBe(200)
  }, 600_000)
})
