import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { postgresForTest } from '../../support/postgres.ts'
import { runProgram } from '../../support/program.ts'
import { redisForTest } from '../../support/redis.ts'

const idplug = (args: readonly string[], env: Record<string, string> = {}) => runProgram(args, { env })

describe('idplug store', () => {
  it('makes the tables of PostgreSQL once, and says so where they are missing', async () => {
    const { url } = await postgresForTest()
    const env = { DATABASE_URL: url }
    const missing = await idplug(['store', 'check'], env)
    expect(missing).toMatchObject({ code: 2, output: expect.stringContaining('run npx idplug store migrate') })
    expect(missing.output).not.toContain('    at ')
    const made = await idplug(['store', 'migrate'], env)
    expect(made).toMatchObject({ code: 0, output: expect.stringContaining('The tables are made (version 1).') })
    expect((await idplug(['store', 'migrate'], env)).output).toContain('Nothing to do: the tables are of version 1.')
    const { code, output } = await idplug(['store', 'check'], env)
    expect(code).toBe(0)
    expect(output).toContain(`It works: PostgreSQL at 127.0.0.1:${new URL(url).port}, database postgres`)
  })

  it('checks the data folder of the folder that it is run in', async () => {
    const { code, output, cwd } = await idplug(['store', 'check'])
    expect(code).toBe(0)
    expect(output).toContain(`It works: ${join(cwd, '.idplug', 'demo.sqlite')}`)
  })

  it('checks Redis, and tells no password', async () => {
    const { port } = await redisForTest(['--requirepass', 'right'])
    const right = await idplug(['store', 'check'], { REDIS_URL: `redis://:right@127.0.0.1:${port}` })
    expect(right).toMatchObject({ code: 0, output: expect.stringContaining(`It works: Redis at 127.0.0.1:${port}`) })
    const wrong = await idplug(['store', 'check'], { REDIS_URL: `redis://:wrong-secret@127.0.0.1:${port}` })
    expect(wrong).toMatchObject({ code: 2, output: expect.stringContaining('WRONGPASS') })
    expect(wrong.output).not.toContain('wrong-secret')
  })

  it.each<[string, (folder: string) => void, string]>([
    ['damaged', folder => writeFileSync(join(folder, 'demo.sqlite'), 'x'.repeat(5000)), 'restore it from a backup'],
    ['damaged key', folder => writeFileSync(join(folder, 'encryption-key'), 'x'), 'encryption-key: it is damaged'],
  ])('says what to do about a data folder that is %s', async (_name, damage, words) => {
    const folder = mkdtempSync(join(tmpdir(), 'data-'))
    chmodSync(folder, 0o700)
    damage(folder)
    const { code, output } = await idplug(['store', 'check'], { AUTH_DATA_DIR: folder })
    expect(code).toBe(2)
    expect(output).toContain('AUTH_DATA_DIR: names a folder that does not work')
    expect(output).toContain(words)
    expect(output).not.toContain('    at ')
  })

  it('needs a store', async () => {
    const { code, output } = await idplug(['store', 'migrate'], { AUTH_STORE: 'memory' })
    expect(code).toBe(2)
    expect(output).toContain('AUTH_STORE: is memory')
  })
})
