import { describe, expect, it } from 'vitest'
import { runProgram } from '../../support/program.ts'
import { redisForTest } from '../../support/redis.ts'

const idplug = (args: readonly string[], env: Record<string, string> = {}) => runProgram(args, { env })

interface Key {
  kid: string
  state: string
  createdAt: number
  signsFrom: number
}

describe('idplug keys', () => {
  it('lists the keys, rotates them once, and shows nothing private', async () => {
    const { url } = await redisForTest()
    const env = { REDIS_URL: url, DEMO_RS_CLIENT_SECRET: 'the-same-secret-for-all-processes' }
    const { output: before } = await idplug(['keys', 'list', '--json'], env)
    const [first] = JSON.parse(before) as Key[]
    expect(JSON.parse(before)).toEqual([expect.objectContaining({ state: 'signing' })])

    const { code, output } = await idplug(['keys', 'rotate', '--announce', '300'], env)
    expect(code).toBe(0)
    for (const line of output.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    const { output: json } = await idplug(['keys', 'list', '--json'], env)
    const [announced, signing] = JSON.parse(json) as Key[]
    expect(announced).toMatchObject({ state: 'announced' })
    expect((announced?.signsFrom ?? 0) - (announced?.createdAt ?? 0)).toBe(300)
    expect(signing).toEqual(first)
    expect(json).not.toContain('"d"')

    const again = await idplug(['keys', 'rotate'], env)
    expect(again.code).toBe(1)
    expect(again.output).toContain('was announced and does not sign yet; wait for it')
  })

  it('says that there is nothing to rotate in memory, and exits with 2', async () => {
    const { code, output } = await idplug(['keys', 'rotate'], { AUTH_STORE: 'memory' })
    expect(code).toBe(2)
    expect(output).toContain('AUTH_STORE: is memory: every start')
    expect(output).not.toContain('    at ')
  })

  it.each([[['keys', 'rotate', '--announce', 'soon']], [['keys', 'turn']]])('exits with 2 for %j', async args => {
    expect((await idplug(args)).code).toBe(2)
  })

  it('explains itself', async () => {
    const { code, output } = await idplug(['keys', 'rotate', '--help'])
    expect(code).toBe(0)
    expect(output).toContain('Exit codes: 0 done')
    for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })
})
