import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createTokenFile, type TokenFile } from '../../../app/client/token-file.ts'

const SERVER = 'https://mcp.example.com/mcp'
const tokens = { accessToken: 'at', tokenType: 'Bearer', scopes: ['notes:read'] }
const signIn = (issuer: string) => ({ issuer, tokens })

let path: string
let file: TokenFile
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'tokens-')), 'deep', 'tokens.json')
  file = createTokenFile(path)
})
afterEach(() => rmSync(dirname(dirname(path)), { recursive: true }))

it('keeps sign-ins by server and issuer, the last one first', async () => {
  await file.save(SERVER, signIn('https://one.example'))
  await file.save(SERVER, signIn('https://two.example'))
  await file.save('https://other.example', signIn('https://one.example'))
  expect(await file.load(SERVER)).toEqual(signIn('https://two.example'))
  expect(await file.load(SERVER, 'https://one.example')).toEqual(signIn('https://one.example'))
  expect(await file.load(SERVER, 'https://three.example')).toBeUndefined()
  expect(await file.servers()).toEqual([SERVER, 'https://other.example'])
  await file.remove(SERVER)
  expect(await file.load(SERVER)).toBeUndefined()
  expect(await file.servers()).toEqual(['https://other.example'])
})

it('lets only the owner read it, whatever it was before', async () => {
  await file.save(SERVER, signIn('https://one.example'))
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
  chmodSync(path, 0o644)
  await file.save(SERVER, signIn('https://one.example'))
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

it('loses no sign-in when many are written at once, and leaves nothing else behind', async () => {
  const servers = Array.from({ length: 25 }, (_, i) => `https://${i}.example/mcp`)
  await Promise.all(servers.map(server => createTokenFile(path).save(server, signIn('https://one.example'))))
  expect((await file.servers()).toSorted()).toEqual(servers.toSorted())
  expect(readdirSync(dirname(path))).toEqual(['tokens.json'])
})

it('lets one caller at a time work for a server, and others for other servers', async () => {
  const order: string[] = []
  const began = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const first = file.exclusively(SERVER, async () => {
    began.resolve()
    await end.promise
    order.push('first')
  })
  await began.promise
  const second = createTokenFile(path).exclusively(SERVER, async () => void order.push('second'))
  await createTokenFile(path).exclusively('https://other.example', async () => void order.push('other'))
  end.resolve()
  await Promise.all([first, second])
  expect(order).toEqual(['other', 'first', 'second'])
})

it('lets the next one work after a failure', async () => {
  await expect(file.exclusively(SERVER, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
  expect(await file.exclusively(SERVER, async () => 'done')).toBe('done')
})

it.each(['', 'not json', '{}', '{"version":2,"servers":{}}', '[]'])(
  'refuses a file that somebody else wrote (%j), and leaves it alone',
  async content => {
    await file.save(SERVER, signIn('https://one.example'))
    writeFileSync(path, content)
    await expect(file.load(SERVER)).rejects.toThrow(`${path} is not a file of sign-ins`)
    await expect(file.save(SERVER, signIn('https://one.example'))).rejects.toThrow('move it away')
    expect(readFileSync(path, 'utf8')).toBe(content)
  },
)

it('says which file cannot be used', async () => {
  const below = join(path, 'tokens.json')
  await file.save(SERVER, signIn('https://one.example'))
  await expect(createTokenFile(below).save(SERVER, signIn('x'))).rejects.toThrow(`${below} cannot be used`)
  expect(existsSync(below)).toBe(false)
})
