import { beforeAll, describe, expect, it } from 'vitest'
import { runProgram } from '../../support/program.ts'
import { type RedisServer, startRedis } from '../../support/redis.ts'

const idplug = (args: readonly string[], env: Record<string, string>) => runProgram(args, { env })

/** May do what a store is tried with when it is opened, and nothing else. */
const ACCOUNT = 'opens on >secret-of-redis ~idplug:Check:* ~idplug:start* +@all'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis(['--user', ...ACCOUNT.split(' ')])
  return () => redis.stop()
})

describe('a command whose store fails at its work', () => {
  it.each([
    [['keys', 'list']],
    [['keys', 'rotate']],
    [['sessions', 'list']],
    [['sessions', 'end', 'some-session']],
    [['clients', 'list']],
    [['clients', 'revoke', 'some-client']],
  ])('%j says which one, why and what to do, and exits with 1', async args => {
    const url = `redis://opens:secret-of-redis@127.0.0.1:${redis.port}`
    const env = { REDIS_URL: url, DEMO_RS_CLIENT_SECRET: 'the-same-secret-for-all-processes' }
    const { code, stdout, stderr } = await idplug(args, env)
    expect(code).toBe(1)
    expect(stderr).toContain('error: The store failed: Redis: NOPERM')
    expect(stderr).toContain('npx idplug store check')
    expect(stderr).not.toMatch(/temporarily_unavailable|secret-of-redis|^ {4}at /m)
    expect(stdout).toBe('')
  })
})
