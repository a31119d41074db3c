import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { migrateStore } from '../../demo-as/stores/open.ts'
import { startPostgres } from '../support/postgres.ts'
import { redisForTest } from '../support/redis.ts'

/** A store that processes share. */
export interface SharedStore {
  /** Settings by which they find it. */
  readonly settings: Readonly<Record<string, string>>
  /** Absent for one that is no process. */
  readonly server?: {
    /** Ends it as a crash would. */
    kill(): Promise<void>
    /** Starts it again, on the same port and the same files. */
    restart(): Promise<void>
  }
}

/** By name. What a store has confirmed has to be on its disk: whoever loses that signs people out, and is right to. */
export const STORES: Readonly<Record<string, () => Promise<SharedStore>>> = {
  async redis() {
    const redis = await redisForTest(['--appendonly', 'yes', '--appendfsync', 'always'])
    return { settings: { REDIS_URL: redis.url }, server: redis }
  },

  async postgres() {
    const postgres = await startPostgres()
    onTestFinished(() => postgres.stop())
    const url = await postgres.createDatabase()
    await migrateStore({ kind: 'postgres', url })
    return { settings: { DATABASE_URL: url }, server: postgres }
  },

  async sqlite() {
    return { settings: { AUTH_DATA_DIR: mkdtempSync(join(tmpdir(), 'chaos-')) } }
  },
}
