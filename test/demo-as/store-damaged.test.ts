import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { migrateStore, openStores, type StorePlace } from '../../demo-as/stores/open.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { command, redisForTest } from '../support/redis.ts'
import { startWithClient as start } from './support.ts'

interface Kind {
  place: StorePlace
  /** Puts this in the place of every value, as it is. */
  damage(text: string): Promise<void>
}

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

async function onSqlite(): Promise<Kind> {
  const folder = mkdtempSync(join(tmpdir(), 'damaged-'))
  return {
    place: { kind: 'sqlite', folder, file: 'state.sqlite' },
    async damage(text) {
      const database = new DatabaseSync(join(folder, 'state.sqlite'))
      database.prepare('UPDATE entries SET value = ?').run(text)
      database.close()
    },
  }
}

async function onPostgres(): Promise<Kind> {
  const url = await postgres.createDatabase()
  const place = { kind: 'postgres', url } as const
  await migrateStore(place)
  return {
    place,
    damage: async text => void (await postgres.query(`UPDATE idplug_entries SET value = '${text}'`, url)),
  }
}

async function onRedis(): Promise<Kind> {
  const { url, port } = await redisForTest()
  return {
    place: { kind: 'redis', url, prefix: 'test' },
    async damage(text) {
      const keys = (await command(port, 'KEYS', 'test:*')).split('\r\n').filter(line => /^test:\w+:[\w-]+$/.test(line))
      for (const key of keys) await command(port, 'SET', key, text, 'KEEPTTL')
    },
  }
}

const SECRET = '{"secret":"of somebody'

describe.each([
  ['SQLite', onSqlite],
  ['PostgreSQL', onPostgres],
  ['Redis', onRedis],
])('a damaged value in %s', (_name, create) => {
  async function opened() {
    const { place, damage } = await create()
    const lines: unknown[] = []
    const open = await openStores(place, (event, facts) => lines.push({ event, ...facts }))
    onTestFinished(() => open.close())
    return { ...open, damage, lines }
  }

  it('is 503, and told with the name of its collection and nothing of itself', async () => {
    const { stores, damage, lines, check } = await opened()
    const grants = stores('Grant')
    await grants.set('a', { of: 'ada' }, 60, ['person:ada'])
    await damage(SECRET)
    for (const read of [() => grants.get('a'), () => grants.take('a')]) {
      const error = (await read().catch(problem => problem)) as Error & { error_detail: string }
      expect(error).toMatchObject({ status: 503, error: 'temporarily_unavailable' })
      expect(error.error_detail).toContain('a value of the collection Grant is damaged')
      expect(JSON.stringify([error, error.message, error.stack, error.cause])).not.toContain('somebody')
    }
    const line = { event: 'store_value_damaged', collection: 'Grant' }
    expect(lines).toEqual([line, line])
    await check()
  })

  it('calls no token inactive at the introspection endpoint', async () => {
    const { stores, check, damage, lines } = await opened()
    const { client } = await start({ stores, checkStores: check })
    const { tokens } = await client.obtainTokens()
    await damage(SECRET)
    const { status, json } = await client.introspect(tokens.access_token)
    expect({ status, error: json.error }).toEqual({ status: 503, error: 'temporarily_unavailable' })
    expect(lines).toContainEqual({ event: 'store_value_damaged', collection: 'AccessToken' })
  })
})
