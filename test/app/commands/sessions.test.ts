import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectRedisStores } from '../../../demo-as/stores/redis.ts'
import { startWithClient } from '../../demo-as/support.ts'
import { runProgram } from '../../support/program.ts'
import { redisForTest } from '../../support/redis.ts'

const run = (args: readonly string[], env: Record<string, string> = {}, cwd?: string) =>
  runProgram(args, { env, ...(cwd !== undefined && { cwd }) })

/** An authorization server with its state in Redis, and the commands on the same one. */
async function world() {
  const redis = await redisForTest()
  const { stores, close } = await connectRedisStores({ url: redis.url })
  onTestFinished(close)
  const { client } = await startWithClient({ stores })
  const env = { REDIS_URL: redis.url, DEMO_RS_CLIENT_SECRET: 'the-same-secret-for-all-processes' }
  const idplug = (...args: string[]) => run(args, env)
  const list = async (...args: string[]) => JSON.parse((await idplug('sessions', 'list', '--json', ...args)).stdout)
  /** Lines of the audit log. */
  const auditOf = ({ stderr }: { stderr: string }) =>
    stderr.split('\n').flatMap(line => (line.startsWith('{') ? [JSON.parse(line)] : []))
  return { client, idplug, list, auditOf, stores, env }
}

describe('idplug sessions', () => {
  it('lists who is in, and ends one session at once', async () => {
    const { client, idplug, list, auditOf } = await world()
    const { clientId, tokens } = await client.obtainTokens({}, 'ada')
    await client.obtainTokens({}, 'ben')
    const [ada] = await list('--person', 'ADA')
    expect(ada).toMatchObject({ subject: 'ada', username: 'ada', clientId, clientName: 'Test client' })
    expect(Date.parse(ada.usedAt)).toBeLessThanOrEqual(Date.now())
    expect(await list('--client', clientId)).toEqual([ada])
    const limited = await idplug('sessions', 'list', '--limit', '1')
    expect(limited.stdout).toContain('Test client')
    expect(limited.stderr).toContain('There are more than 1')

    const ended = await idplug('sessions', 'end', ada.grantId, '--as', 'ops@example.com')
    expect(ended.code).toBe(0)
    expect(auditOf(ended)).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        event: 'session_ended',
        grant_id: ada.grantId,
        subject: 'ada',
        client_id: clientId,
        by: 'ops@example.com',
      },
    ])
    expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
    expect((await client.refresh(clientId, tokens.refresh_token)).json).toMatchObject({ error: 'invalid_grant' })
    expect((await list()).map(({ subject }: { subject: string }) => subject)).toEqual(['ben'])
    const again = await idplug('sessions', 'end', ada.grantId)
    expect(again).toMatchObject({ code: 1, stdout: 'There is no such session.\n' })
    expect(auditOf(again)).toEqual([])
  })

  it('shows ids whole, however long, and no more than the beginning of a long name', async () => {
    const { client, idplug, stores } = await world()
    const { clientId } = await client.obtainTokens({}, 'ada')
    const subject = 'azure:3f2504e0-4f89-41d3-9a0c-0305e82c3301.7c9e6679-7425-40de-944b-e07fc1f90ae7'
    const [address, name] = [`https://client.example/${'a'.repeat(80)}.json`, 'n'.repeat(80)]
    const now = Math.floor(Date.now() / 1000)
    const grant = { accountId: subject, clientId: address, iat: now, exp: now + 600 }
    await stores('Grant').set('other', grant, 600, [`person:${subject}`, `client:${address}`])
    await stores('ClientWithGrants').set(address, true, 600, ['all'])
    await stores('ClientDocument').set(address, { body: JSON.stringify({ client_name: name }) }, 600)
    for (const command of ['sessions', 'clients']) {
      const { stdout } = await idplug(command, 'list')
      expect(stdout).toContain(clientId)
      expect(stdout).toContain(address)
      expect(stdout).not.toContain(name)
      if (command === 'sessions') expect(stdout).toContain(subject)
    }
    expect((await idplug('clients', 'revoke', `${address}x`)).stdout).toContain(`idplug clients allow ${address}x`)
  })

  it('ends all sessions of a person, by whoever runs it', async () => {
    const { client, idplug, list, auditOf } = await world()
    await client.obtainTokens({}, 'ada')
    await client.obtainTokens({}, 'ada')
    await client.obtainTokens({}, 'ben')
    const ended = await idplug('sessions', 'end', '--person', 'ada', '--json')
    expect(JSON.parse(ended.stdout)).toHaveLength(2)
    expect(auditOf(ended)).toMatchObject([
      { event: 'session_ended', subject: 'ada', by: userInfo().username },
      { event: 'session_ended', subject: 'ada', by: userInfo().username },
    ])
    expect(await list()).toMatchObject([{ subject: 'ben' }])
  })

  it('works for a user without a name, as in a container with a number for its user', async () => {
    const { client, auditOf, env } = await world()
    await client.obtainTokens({}, 'ada')
    const nameless = `import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module'
      os.userInfo = () => { throw new Error('uv_os_get_passwd returned ENOENT') }; syncBuiltinESMExports()`
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(nameless)}`
    const ended = await run(['sessions', 'end', '--person', 'ada'], { ...env, NODE_OPTIONS })
    expect(ended.code).toBe(0)
    expect(auditOf(ended)).toMatchObject([{ event: 'session_ended', by: `uid ${process.getuid?.()}` }])
  })

  it.each([
    [['sessions', 'end']],
    [['sessions', 'end', 'one', '--person', 'ada']],
    [['sessions', 'list', '--limit', 'all']],
    [['sessions', 'kill']],
  ])('exits with 2 for %j', async args => {
    expect((await run(args)).code).toBe(2)
  })
})

describe('idplug clients', () => {
  it('revokes a client with its sessions, and says so', async () => {
    const { client, idplug, auditOf } = await world()
    const { clientId, tokens } = await client.obtainTokens({}, 'ada')
    expect(JSON.parse((await idplug('clients', 'list', '--json')).stdout)).toEqual([
      { clientId, clientName: 'Test client', sessions: 1, usedAt: expect.any(String) },
    ])
    const revoked = await idplug('clients', 'revoke', clientId, '--as', 'ops')
    expect(revoked).toMatchObject({ code: 0, stdout: `Revoked ${clientId}; 1 of its sessions ended.\n` })
    expect(auditOf(revoked)).toMatchObject([
      { event: 'client_revoked', client_id: clientId, sessions: 1, by: 'ops' },
      { event: 'session_ended', subject: 'ada', client_id: clientId, by: 'ops' },
    ])
    expect((await client.introspect(tokens.access_token)).json).toEqual({ active: false })
    expect((await idplug('clients', 'list')).stdout).toContain('by ops')
    expect(await idplug('clients', 'allow', clientId)).toMatchObject({ code: 0 })
    const misspelled = await idplug('clients', 'revoke', 'no-such-client')
    expect(misspelled.stdout).toContain('Nobody has signed in with no-such-client')
    expect(misspelled.stdout).toContain('idplug clients allow no-such-client')
  })

  it('takes an id that begins with a hyphen for an id', async () => {
    const { idplug } = await world()
    const id = '-GZ9sEUZp4x8HmS4r_PBiGj34paZNgpSnRri3zb136r'
    const revoked = await idplug('clients', 'revoke', id, '--as', 'ops')
    expect(revoked).toMatchObject({ code: 0, stdout: expect.stringContaining(`Nobody has signed in with ${id}`) })
  })
})

it('finds the store of npm start without any setting, and makes none in a wrong folder', async () => {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), 'idplug-')))
  onTestFinished(() => rmSync(cwd, { recursive: true }))
  const path = join(cwd, '.idplug', 'demo.sqlite')
  const wrong = await run(['sessions', 'list'], {}, cwd)
  expect(wrong).toMatchObject({ code: 2, stdout: '' })
  expect(wrong.stderr).toContain(`there is no store at ${path}. Run this where the server was started`)
  expect(existsSync(path)).toBe(false)

  expect(await run(['store', 'check'], {}, cwd)).toMatchObject({ code: 0 })
  const right = { code: 0, stdout: 'Nobody is signed in.\n', stderr: `Store: ${path}\n` }
  expect(await run(['sessions', 'list'], {}, cwd)).toMatchObject(right)
  // Scopes of somebody's own server, which no file declares.
  const own = { AUTH_PROVIDER: 'okta', OKTA_DOMAIN: 'acme.okta.com', OKTA_GRANT_SCOPES: 'files:read' }
  expect((await run(['sessions', 'list'], own, cwd)).stderr).not.toContain('does not declare')
})

it.each(['sessions', 'clients'])(
  'idplug %s explains itself, and needs a store that outlives the server',
  async name => {
    const { code, stderr } = await run([name, 'list'], { AUTH_STORE: 'memory' })
    expect(code).toBe(2)
    expect(stderr).toContain('AUTH_STORE: is memory')
    expect(stderr).not.toContain('    at ')
    const help = await run([name, 'list', '--help'])
    expect(help.code).toBe(0)
    for (const line of help.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  },
)
