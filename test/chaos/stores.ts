import { redisForTest } from '../support/redis.ts'

/** A store that processes share. */
export interface SharedStore {
  /** Settings by which they find it. */
  readonly settings: Readonly<Record<string, string>>
  /** Ends it as a crash would, and starts it again. Absent for one that is no process. */
  crash?(): Promise<void>
}

/** By name. What a store has confirmed has to be on its disk: whoever loses that signs people out, and is right to. */
export const STORES: Readonly<Record<string, () => Promise<SharedStore>>> = {
  async redis() {
    const redis = await redisForTest(['--appendonly', 'yes', '--appendfsync', 'always'])
    return {
      settings: { REDIS_URL: redis.url },
      async crash() {
        await redis.kill()
        await redis.restart()
      },
    }
  },
}
