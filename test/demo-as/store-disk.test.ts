import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type OpenStores, openStores } from '../../demo-as/stores/open.ts'
import { startWithClient as start } from './support.ts'

const place = (folder: string) => ({ kind: 'sqlite', folder, file: 'state.sqlite' }) as const
const newFolder = () => mkdtempSync(join(tmpdir(), 'data-'))

/** A disk of the test's own; `undefined` for who may not mount one, such as anybody but root. */
function mountDisk(kilobytes: number): { folder: string; mount(options: string): void; end(): void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'disk-'))
  const mount = (...args: string[]) => void execFileSync('mount', [...args, folder], { stdio: 'ignore' })
  try {
    mount('-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'none')
  } catch {
    return undefined
  }
  const end = () => {
    execFileSync('umount', ['--lazy', folder])
    rmSync(folder, { recursive: true })
  }
  return { folder, mount: options => mount('-o', options), end }
}

const probe = mountDisk(64)
probe?.end()

function disk() {
  const mounted = mountDisk(2048) as NonNullable<ReturnType<typeof mountDisk>>
  onTestFinished(mounted.end)
  return mounted
}

async function opened(folder: string, log?: Parameters<typeof openStores>[1]): Promise<OpenStores> {
  const stores = await openStores(place(folder), log)
  onTestFinished(() => stores.close())
  return stores
}

function fillUp(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, Buffer.alloc(4096))
  } catch {
    closeSync(file)
  }
}

const refused = (detail: string) => ({
  error: 'temporarily_unavailable',
  status: 503,
  error_detail: expect.stringContaining(detail),
})

/** Writes until the disk is full for SQLite, too, which has some room in its files. */
async function writeUntilRefused({ stores }: OpenStores): Promise<unknown> {
  const store = stores('filler')
  for (let i = 0; i < 10_000; i++) {
    const error = await store.set(`filler ${i}`, 'x'.repeat(4000), 600).then(
      () => undefined,
      problem => problem,
    )
    if (error) return error
  }
}

describe.skipIf(!probe && !process.env.CI)('on a disk of its own, the SQLite store', () => {
  it('answers 503 while the disk is full, says so once, gives what it has, and goes on when there is room', async () => {
    const { folder } = disk()
    const events: string[] = []
    const data = await opened(join(folder, 'data'), event => events.push(event))
    const store = data.stores('grants')
    await store.set('kept', 1, 600, ['person:ada'])
    await data.check()
    fillUp(join(folder, 'filler'))
    expect(await writeUntilRefused(data)).toMatchObject(refused('the disk is full'))
    for (let i = 0; i < 3; i++) {
      await expect(store.set('new', 'x'.repeat(100_000), 600)).rejects.toMatchObject(refused('the disk is full'))
      expect(await store.get('kept')).toBe(1)
      expect(await store.list('person:ada')).toEqual(['kept'])
    }
    expect(events).toEqual(['store_unreachable'])
    rmSync(join(folder, 'filler'))
    await store.set('new', 1, 600)
    expect(events).toEqual(['store_unreachable', 'store_back'])
    expect(await store.get('kept')).toBe(1)
  })

  it('signs nobody out while the disk is full', async () => {
    const { folder } = disk()
    const data = await opened(join(folder, 'data'))
    const { client } = await start({ stores: data.stores, checkStores: data.check })
    const { clientId, tokens } = await client.obtainTokens()
    fillUp(join(folder, 'filler'))
    await writeUntilRefused(data)
    const answers = await Promise.all([client.refresh(clientId, tokens.refresh_token), client.register()])
    for (const { status, json } of answers) {
      expect({ status, error: json.error }).toEqual({ status: 503, error: 'temporarily_unavailable' })
    }
    await expect(data.check()).rejects.toMatchObject(refused('the disk is full'))
    rmSync(join(folder, 'filler'))
    expect((await client.introspect(tokens.access_token)).json.active).toBe(true)
    expect((await client.refresh(clientId, tokens.refresh_token)).status).toBe(200)
  })

  it('is refused at the start when the disk is full or read-only', async () => {
    const { folder, mount } = disk()
    const data = join(folder, 'data')
    await (await openStores(place(data))).close()
    fillUp(join(folder, 'filler'))
    await expect(openStores(place(data))).rejects.toThrow('cannot be written (ENOSPC)')
    rmSync(join(folder, 'filler'))
    mount('remount,ro')
    await expect(openStores(place(data))).rejects.toThrow(`${data}: it cannot be written (EROFS)`)
    const missing = join(folder, 'missing', 'data')
    await expect(openStores(place(missing))).rejects.toThrow(`${missing}: it cannot be written (EROFS)`)
  })
})

const damages: [string, (path: string) => void][] = [
  ['overwritten', path => writeFileSync(path, 'x'.repeat(10_000))],
  ['overwritten behind its first page', path => writeFileSync(path, readFileSync(path).fill(1, 4096))],
  ['cut off', path => truncateSync(path, readFileSync(path).length / 2)],
]

describe.each(damages)('an SQLite file that is %s', (_name, damage) => {
  it('is refused at the start, with what to do', async () => {
    const folder = newFolder()
    const { stores, close } = await openStores(place(folder))
    for (let i = 0; i < 200; i++) await stores('codes').set(`key ${i}`, 'x'.repeat(300), 600)
    await close()
    damage(join(folder, 'state.sqlite'))
    const error = await openStores(place(folder)).then(
      () => undefined,
      problem => problem,
    )
    expect(error.error_detail ?? error.message).toMatch(/it is damaged.*restore it from a backup/)
  })

  it('is a store that is away, once it is open', async () => {
    const folder = newFolder()
    const { stores, check } = await opened(folder)
    const store = stores('codes')
    for (let i = 0; i < 200; i++) await store.set(`key ${i}`, 'x'.repeat(300), 600, ['word'])
    await check()
    const path = join(folder, 'state.sqlite')
    // Another process changes every page, so that none is in the memory of this one.
    const other = new DatabaseSync(path)
    other.exec('UPDATE entries SET ends_at = ends_at + 1; PRAGMA wal_checkpoint(TRUNCATE)')
    other.close()
    damage(path)
    const damaged = refused('it is damaged')
    await expect(store.get('key 7')).rejects.toMatchObject(damaged)
    await expect(store.set('key 7', 1, 60)).rejects.toMatchObject(damaged)
    await expect(store.list('word')).rejects.toMatchObject(damaged)
    await expect(check()).rejects.toMatchObject(damaged)
  })
})
