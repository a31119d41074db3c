import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createMemoryStores } from '../../../demo-as/stores/memory.ts'
import { createSeal } from '../../../demo-as/upstream/sealed.ts'
import { createUpstreamSessions, sessionMarker } from '../../../demo-as/upstream/sessions.ts'
import { UpstreamBehindError } from '../../../demo-as/upstream/upstream.ts'

const key = () => randomBytes(32)

describe('what is sealed', () => {
  it('can be opened at its place, and holds nothing in clear', () => {
    const seal = createSeal([key()])
    const sealed = seal.seal('refresh-token', 'grant-1')
    expect(seal.open(sealed, 'grant-1')).toBe('refresh-token')
    expect(Buffer.from(sealed, 'base64url').toString('latin1') + sealed).not.toContain('refresh-token')
  })

  it('differs each time', () => {
    const seal = createSeal([key()])
    expect(seal.seal('text', 'grant-1')).not.toBe(seal.seal('text', 'grant-1'))
  })

  it('cannot be opened at another place, with another key, or changed', () => {
    const seal = createSeal([key()])
    const sealed = seal.seal('text', 'grant-1')
    const [id, data = ''] = sealed.split('.')
    const bytes = Buffer.from(data, 'base64url')
    bytes[14] = (bytes[14] ?? 0) ^ 1
    expect(seal.open(sealed, 'grant-2')).toBeUndefined()
    expect(createSeal([key()]).open(sealed, 'grant-1')).toBeUndefined()
    expect(seal.open(`${id}.${bytes.toString('base64url')}`, 'grant-1')).toBeUndefined()
    for (const text of ['', 'x', `${id}.`, `${id}.AAAA`]) expect(seal.open(text, 'grant-1')).toBeUndefined()
  })

  it('can be opened after the keys were rotated, and not once its key is gone', () => {
    const [old, current] = [key(), key()]
    const sealed = createSeal([old]).seal('text', 'grant-1')
    expect(createSeal([current, old]).open(sealed, 'grant-1')).toBe('text')
    expect(createSeal([current]).open(sealed, 'grant-1')).toBeUndefined()
    expect(createSeal([current]).open(createSeal([current, old]).seal('new', 'grant-1'), 'grant-1')).toBe('new')
  })
})

describe('sessions at the upstream', () => {
  const create = () => createUpstreamSessions(createMemoryStores(), createSeal([key()]), 60, true)

  it('are found by their grant, and the last one counts', async () => {
    const sessions = create()
    await sessions.keep('grant-1', 'ada', { refreshToken: 'one' })
    const kept = await sessions.find('grant-1')
    expect(await kept?.replace({ refreshToken: 'two' })).toBe(true)
    expect(await kept?.replace({ refreshToken: 'three' })).toBe(true)
    expect((await sessions.find('grant-1'))?.session).toEqual({ refreshToken: 'three' })
    expect(await sessions.find('grant-2')).toBeUndefined()
  })

  it('are not brought back by what a refresh was given after the grant ended', async () => {
    const sessions = create()
    await sessions.keep('grant-1', 'ada', 1)
    await sessions.keep('grant-2', 'ada', 2)
    const [one, two] = [await sessions.find('grant-1'), await sessions.find('grant-2')]
    await sessions.end('grant-1')
    await sessions.forget('grant-2')
    expect(await one?.replace(11)).toBe(false)
    expect(await two?.replace(22)).toBe(false)
    expect((await sessions.find('grant-1'))?.session).toBe(1)
    expect(await sessions.find('grant-2')).toBeUndefined()
  })

  it('are marked when their grants end, until they are forgotten', async () => {
    const sessions = create()
    await sessions.keep('grant-1', 'ada', 1)
    await sessions.keep('grant-2', 'ada', 2)
    await sessions.end('grant-1')
    await sessions.end('grant-1')
    await sessions.end('grant-3')
    expect(await sessions.ending()).toEqual(['grant-1'])
    await sessions.forget('grant-1')
    expect(await sessions.ending()).toEqual([])
  })

  it('are not marked while others come first each time, and that ends some day', async () => {
    const stores = createMemoryStores()
    await createUpstreamSessions(stores, createSeal([key()]), 60, true).keep('grant-1', 'ada', 1)
    let attempts = 0
    const swap = async () => {
      attempts++
      return new Promise<boolean>(resolve => setImmediate(resolve, false))
    }
    const end = sessionMarker(collection => ({ ...stores(collection), swap }))
    await expect(end('grant-1')).rejects.toMatchObject({
      status: 503,
      error_detail: expect.stringContaining('grant-1'),
    })
    expect(attempts).toBe(20)
  })

  it('know whether the person has others, of grants that have not ended', async () => {
    const sessions = create()
    await sessions.keep('grant-1', 'ada', 1)
    await sessions.keep('grant-2', 'ada', 2)
    await sessions.keep('grant-3', 'ben', 3)
    expect(await sessions.hasOthers('grant-1', 'ada')).toBe(true)
    expect(await sessions.hasOthers('grant-3', 'ben')).toBe(false)
    await sessions.end('grant-2')
    expect(await sessions.hasOthers('grant-1', 'ada')).toBe(false)
  })

  it('that were sealed under a key that is not here are not known, which is not the same as gone', async () => {
    const stores = createMemoryStores()
    await createUpstreamSessions(stores, createSeal([key()]), 60, true).keep('grant-1', 'ada', 1)
    const after = createUpstreamSessions(stores, createSeal([key()]), 60, true)
    await expect(after.find('grant-1')).rejects.toBeInstanceOf(UpstreamBehindError)
    expect(() => after.unpack(create().pack(1))).toThrow(UpstreamBehindError)
    // The key of a process ends with it.
    const restarted = createUpstreamSessions(stores, createSeal([key()]), 60, false)
    expect(await restarted.find('grant-1')).toBeUndefined()
  })

  it('can be packed until there is a grant', () => {
    const sessions = create()
    const packed = sessions.pack({ refreshToken: 'secret-of-ada' })
    expect(packed).not.toContain('secret-of-ada')
    expect(sessions.unpack(packed)).toEqual({ refreshToken: 'secret-of-ada' })
  })
})
