import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listen } from '../../../support/http.ts'
import { runProgram } from '../../../support/program.ts'
import { temporaryFolder } from '../../../support/temporary-files.ts'

/** A folder, and the command line in it. */
function workshop(env: Record<string, string> = {}) {
  const cwd = temporaryFolder()
  return {
    put: (name: string, text: string) => writeFileSync(join(cwd, name), text),
    read: (name: string) => readFileSync(join(cwd, name), 'utf8'),
    idplug: (...args: string[]) => runProgram(args, { cwd, env: { NO_COLOR: '1', ...env } }),
  }
}

const USERS = `id,name,email,email_verified
1,Ada Lovelace,ada@example.com,true
2,Ben Bitdiddle,,true
`
const ISSUERS = ['--from-issuer', 'https://old.example', '--to-issuer', 'https://new.example']

describe('idplug migrate users', () => {
  it('ends with 1 where somebody cannot go, and says where that is listed', async () => {
    const { put, idplug, read } = workshop()
    put('users.csv', USERS)
    const { code, stdout } = await idplug('migrate', 'users', '--from', 'users.csv', '--to', 'okta')
    expect(code).toBe(1)
    expect(stdout).toContain('1 user for Okta in import-okta: okta-0001.csv.')
    expect(stdout).toContain('1 row cannot go; import-okta/rejected.csv says why.')
    expect(read('import-okta/rejected.csv')).toContain('2,2,has no e-mail address')
  })

  it('prints JSON and nothing else with --json', async () => {
    const { idplug } = workshop()
    const { code, stdout, stderr } = await idplug(
      ...['migrate', 'users', '--from', 'demo', '--email-domain', 'example.com', '--to', 'auth0', '--json'],
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ folder: 'import-auth0', written: 3, files: ['auth0-0001.json'] })
  })
})

describe('idplug migrate link', () => {
  it('adds to the links that are there, and makes none that contradicts them', async () => {
    const { put, idplug, read } = workshop()
    put('old.csv', USERS)
    put('new.csv', 'user_id,email,email_verified\nauth0|1,ADA@example.com,true\n')
    put(
      'links.csv',
      'old_issuer,old_subject,new_issuer,new_subject\nhttps://old.example,7,https://new.example,auth0|7\n',
    )
    const first = await idplug('migrate', 'link', '--from', 'old.csv', '--to', 'new.csv', ...ISSUERS)
    expect(first).toMatchObject({ code: 1, stdout: expect.stringContaining('2 has no e-mail address') })
    expect(read('links.csv')).toContain('https://old.example,7,https://new.example,auth0|7\n')
    expect(read('links.csv')).toContain('https://old.example,1,https://new.example,auth0|1\n')

    const before = read('links.csv')
    put('pairs.csv', 'old_subject,new_subject\n1,auth0|1\n8,auth0|1\n')
    const second = await idplug('migrate', 'link', '--pairs', 'pairs.csv', ...ISSUERS, '--json')
    expect(second.code).toBe(1)
    expect(JSON.parse(second.stdout)).toMatchObject({ linked: 2, notLinked: [{ id: '8' }] })
    expect(read('links.csv')).toBe(before)
  })
})

describe('idplug migrate status', () => {
  it('ends with 0 when the next step is safe, and prints the same as JSON', async () => {
    const { idplug } = workshop()
    const metrics = `process_start_time_seconds 1
idplug_provider_ready{provider="demo",role="active"} 1
idplug_provider_ready{provider="okta",role="shadow"} 1
idplug_shadow_total{active="not_asked",shadow="accepted",reason=""} 1
idplug_shadow_last_timestamp_seconds{shadow="accepted"} 2
`
    const { origin, close } = await listen((_req, res) => void res.end(metrics))
    onTestFinished(close)
    const { code, stdout } = await idplug('migrate', 'status', origin, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ phase: 'shadow', safe: true, next: 'AUTH_PROVIDER=demo,okta' })
  })

  it('brings the token that the server asks for, and says which setting has it', async () => {
    const { idplug } = workshop()
    const { origin, close } = await listen((req, res) => {
      if (req.headers.authorization !== 'Bearer a-token-for-prometheus') return void res.writeHead(401).end()
      res.end('process_start_time_seconds 1\nidplug_provider_ready{provider="demo",role="active"} 1\n')
    })
    onTestFinished(close)
    expect(await idplug('migrate', 'status', origin)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('set METRICS_TOKEN'),
    })
    const prepared = workshop({ METRICS_TOKEN: 'a-token-for-prometheus' })
    expect((await prepared.idplug('migrate', 'status', origin)).stdout).toContain('demo')
  })

  it('ends with 2 where the page is no metrics of this server', async () => {
    const { idplug } = workshop()
    const { origin, close } = await listen((_req, res) => void res.end('up 1\n'))
    onTestFinished(close)
    const { code, stderr } = await idplug('migrate', 'status', `${origin}/metrics`)
    expect(code).toBe(2)
    expect(stderr).toMatch(/holds no metrics of this server \(status 200\)/)
  })
})

it.each([
  [['migrate', 'users', '--from', 'users.xml', '--to', 'okta'], 'users.xml'],
  [['migrate', 'users', '--from', 'demo', '--to', 'github'], "'github' is invalid"],
  [['migrate', 'users', '--from', 'demo', '--to', 'okta', '--rows', '0'], 'whole number'],
  [['migrate', 'status', 'ftp://x'], 'must be a URL'],
  [['migrate', 'status', '--quiet', 'soon'], 'Write it like 30m, 12h or 7d'],
  [['migrate', 'link', '--from', 'a.csv'], '--from and --to are needed, or --pairs'],
  [['migrate', 'link', '--pairs', 'p.csv'], 'AUTH_SHADOW: names no new provider'],
  [['init', '--provider', 'autho'], 'is invalid'],
  [['init', '--yes'], '--provider: is needed'],
])('what cannot be understood ends with 2 and a sentence without a stack: %j', async (args, sentence) => {
  const { code, stderr } = await workshop().idplug(...args)
  expect(code).toBe(2)
  expect(stderr).toContain(sentence)
  expect(stderr).not.toContain('    at ')
})
