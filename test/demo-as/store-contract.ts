import { expect, it, vi } from 'vitest'
import type { StoreFactory } from '../../demo-as/stores/store.ts'

const AT_ONCE = 200
const times = <T>(count: number, work: (i: number) => T) => Array.from({ length: count }, (_, i) => work(i))

/**
 * What every store does.
 *
 * @param create - Opens an empty store.
 */
export function describeStore(create: () => Promise<StoreFactory>): void {
  const open = async (collection = 'codes') => (await create())(collection)

  it('gives a value to one of several takers', async () => {
    const store = await open()
    await store.set('a', { user: 'ada' }, 60)
    const taken = await Promise.all(times(AT_ONCE, () => store.take('a')))
    expect(taken.filter(Boolean)).toEqual([{ user: 'ada' }])
  })

  it('lets one of several add', async () => {
    const store = await open()
    const added = await Promise.all(times(AT_ONCE, i => store.add('a', i, 60)))
    expect(added.filter(Boolean)).toHaveLength(1)
    expect(await store.get('a')).toBe(added.indexOf(true))
  })

  it('lets one of several swap', async () => {
    const store = await open()
    await store.set('a', { by: 'nobody' }, 60)
    const swapped = await Promise.all(times(AT_ONCE, i => store.swap('a', { by: 'nobody' }, { by: i }, 60)))
    expect(swapped.filter(Boolean)).toHaveLength(1)
    expect(await store.get('a')).toEqual({ by: swapped.indexOf(true) })
  })

  it('loses no change of several that read and swap until they get through', async () => {
    const store = await open()
    await store.set('a', [], 60)
    const append = async (i: number) => {
      for (;;) {
        const known = (await store.get<number[]>('a')) ?? []
        if (await store.swap('a', known, [...known, i], 60)) return
      }
    }
    await Promise.all(times(20, append))
    expect((await store.get<number[]>('a'))?.sort((a, b) => a - b)).toEqual(times(20, i => i))
  })

  it('swaps for what is expected only, with no entry on either side', async () => {
    const store = await open()
    expect(await store.swap('a', 1, 2, 60)).toBe(false)
    expect(await store.get('a')).toBeUndefined()
    expect(await store.swap('a', undefined, { count: 1 }, 60)).toBe(true)
    expect(await store.swap('a', undefined, { count: 2 }, 60)).toBe(false)
    expect(await store.swap('a', { count: 2 }, { count: 3 }, 60)).toBe(false)
    expect(await store.get('a')).toEqual({ count: 1 })
    expect(await store.swap('a', { count: 1 }, undefined, 60)).toBe(true)
    expect(await store.get('a')).toBeUndefined()
    expect(await store.swap('a', undefined, undefined, 60)).toBe(true)
  })

  it('gives an entry that was swapped the new end, and takes one that has ended for none', async () => {
    const store = await open()
    // Again, if a machine takes longer between the two than the first one lives.
    await vi.waitUntil(async () => {
      await store.set('a', 1, 0.5)
      return store.swap('a', 1, 2, 60)
    })
    await store.set('b', 1, 60)
    expect(await store.swap('b', 1, 2, 0.05)).toBe(true)
    await vi.waitUntil(async () => (await store.get('b')) === undefined)
    expect(await store.swap('b', 2, 3, 60)).toBe(false)
    expect(await store.swap('b', undefined, 3, 60)).toBe(true)
    await store.set('c', 1, 0.6)
    await vi.waitUntil(async () => (await store.get('c')) === undefined)
    expect(await store.get('a')).toBe(2)
  })

  it('forgets a value when its seconds are over, and lets it be added again', async () => {
    const store = await open()
    await store.set('a', 1, 60)
    await store.set('b', 1, 0.05)
    await store.add('c', 1, 0.05)
    await vi.waitUntil(async () => (await store.get('b')) === undefined)
    await vi.waitUntil(async () => (await store.get('c')) === undefined)
    expect(await store.take('b')).toBeUndefined()
    expect(await store.add('b', 2, 60)).toBe(true)
    expect(await store.add('c', 2, 60)).toBe(true)
    expect(await store.get('a')).toBe(1)
    expect(await store.add('a', 2, 60)).toBe(false)
  })

  it('keeps a mark, whatever else is put in and taken', async () => {
    const store = await open('marks')
    expect(await store.add('mark', 1, 600)).toBe(true)
    await Promise.all(times(500, i => store.set(`filler ${i}`, i, 60)))
    await Promise.all(times(500, i => store.take(`filler ${i}`)))
    expect(await store.add('mark', 2, 600)).toBe(false)
    expect(await store.get('mark')).toBe(1)
  })

  it('finds keys wherever they are', async () => {
    const store = await open('many')
    const keys = times(50, i => `key-${i}`)
    await Promise.all(keys.map(key => store.set(key, key, 60)))
    expect(await Promise.all(keys.map(key => store.take(key)))).toEqual(keys)
    expect(await Promise.all(keys.map(key => store.get(key)))).toEqual(keys.map(() => undefined))
  })

  it('overwrites and deletes', async () => {
    const store = await open()
    await store.set('a', 1, 60)
    await store.set('a', { deep: ['ü', null] }, 60)
    expect(await store.get('a')).toEqual({ deep: ['ü', null] })
    await store.delete('a')
    await store.delete('never there')
    expect(await store.get('a')).toBeUndefined()
  })

  it.each([
    [null],
    [false],
    [0],
    [-1.5e-7],
    [Number.MAX_SAFE_INTEGER],
    [''],
    ['line\nbreak \r\t\0 \u2028 \\ " \' 💥 \ud800'],
    [[]],
    [{}],
    [{ b: [null, { c: '\n' }], a: undefined, 2: 'two', 1: 'one', '__proto__ ': 1 }],
  ])('gives back the JSON that it was given: %j', async value => {
    const store = await open()
    const asJson = JSON.parse(JSON.stringify(value))
    await store.set('a', value, 60, ['word'])
    expect(await store.get('a')).toEqual(asJson)
    expect(JSON.stringify(await store.get('a'))).toBe(JSON.stringify(value))
    expect(await store.swap('a', await store.get('a'), { was: value }, 60)).toBe(true)
    expect(await store.take('a')).toEqual({ was: asJson })
  })

  it('tells keys apart that look alike, and takes every character', async () => {
    const store = await open()
    const keys = [
      '',
      ' ',
      'a',
      'A',
      'á',
      'a\u0301',
      'a ',
      'a\0',
      'a\n',
      'a:b',
      '%',
      '_',
      "'",
      '"',
      '\\',
      '{a}',
      '*',
      '💥',
      'x'.repeat(5000),
    ]
    for (const [i, key] of keys.entries()) expect(await store.add(key, i, 60)).toBe(true)
    for (const [i, key] of keys.entries()) expect(await store.take(key)).toBe(i)
  })

  it('keeps a value of a megabyte', async () => {
    const store = await open()
    const big = { text: 'x'.repeat(1_000_000) }
    await store.set('a', big, 60)
    expect(await store.get('a')).toEqual(big)
    expect(await store.swap('a', big, { ...big, n: 1 }, 60)).toBe(true)
    expect(await store.take('a')).toEqual({ ...big, n: 1 })
  })

  it('hands out copies', async () => {
    const store = await open()
    const value = { scopes: ['a'] }
    await store.set('a', value, 60)
    value.scopes.push('b')
    const copy = await store.get<typeof value>('a')
    copy?.scopes.push('c')
    expect(await store.get('a')).toEqual({ scopes: ['a'] })
  })

  it('keeps collections apart, and opens the same one by its name', async () => {
    const stores = await create()
    await stores('codes').set('a', 1, 60, ['word'])
    expect(await stores('states').get('a')).toBeUndefined()
    expect(await stores('states').list('word')).toEqual([])
    expect(await stores('codes').get('a')).toBe(1)
    expect(await stores('codes').list('word')).toEqual(['a'])
  })

  it('lists what has a word, however it was put in', async () => {
    const store = await open('grants')
    await store.set('set', 1, 60, ['person:ada', 'client:one'])
    await store.add('added', 1, 60, ['person:ada', 'client:two'])
    await store.swap('swapped', undefined, 1, 60, ['person:ada'])
    await store.set('of another', 1, 60, ['person:ben', 'client:one'])
    await store.set('wordless', 1, 60)
    expect(await store.list('person:ada')).toEqual(['added', 'set', 'swapped'])
    expect(await store.list('client:one')).toEqual(['of another', 'set'])
    expect(await store.list('person:')).toEqual([])
    expect(await store.list('person:Ada')).toEqual([])
  })

  it('lists no entry that was deleted, taken, swapped for none, or has ended', async () => {
    const store = await open('grants')
    for (const key of ['deleted', 'taken', 'swapped', 'kept']) await store.set(key, 1, 60, ['person:ada'])
    await store.set('ended', 1, 0.05, ['person:ada'])
    await store.delete('deleted')
    await store.take('taken')
    await store.swap('swapped', 1, undefined, 60)
    await vi.waitUntil(async () => (await store.get('ended')) === undefined)
    expect(await store.list('person:ada')).toEqual(['kept'])
    await store.set('deleted', 2, 60)
    await store.set('ended', 2, 60)
    expect(await store.list('person:ada')).toEqual(['kept'])
  })

  it('lists under the words of the last write', async () => {
    const store = await open('grants')
    await store.set('a', 1, 60, ['person:ada'])
    await store.add('a', 2, 60, ['person:cleo'])
    await store.swap('a', 3, 4, 60, ['person:cleo'])
    expect(await store.list('person:ada')).toEqual(['a'])
    expect(await store.list('person:cleo')).toEqual([])
    await store.set('a', 1, 60, ['person:ben'])
    expect(await store.list('person:ada')).toEqual([])
    expect(await store.list('person:ben')).toEqual(['a'])
    await store.swap('a', 1, 2, 60)
    expect(await store.list('person:ben')).toEqual([])
  })

  it('lists an entry as long as it is there, also when a shorter life was written before', async () => {
    const store = await open('grants')
    await store.set('a', 1, 0.05, ['person:ada'])
    await store.set('a', 2, 60, ['person:ada'])
    await store.set('b', 1, 0.1, ['person:ada'])
    await vi.waitUntil(async () => (await store.get('b')) === undefined)
    await store.set('c', 1, 60, ['person:ada'])
    expect(await store.list('person:ada')).toEqual(['a', 'c'])
  })

  it('lists page by page, each key once, past those that were deleted', async () => {
    const store = await open('grants')
    const keys = times(250, i => `grant ${String(i).padStart(3, '0')}`)
    await Promise.all(keys.map(key => store.set(key, 1, 60, ['person:ada'])))
    for (const key of keys.slice(20, 60)) await store.delete(key)
    const left = keys.filter((_, i) => i < 20 || i >= 60)
    expect(await store.list('person:ada')).toEqual(left.slice(0, 100))
    const found: string[] = []
    for (;;) {
      const page = await store.list('person:ada', { after: found.at(-1), limit: 30 })
      found.push(...page)
      if (page.length < 30) break
    }
    expect(found).toEqual(left)
  })

  it('takes every character in words and in the keys that have some', async () => {
    const store = await open('grants')
    const odd = ['a b', 'a:{b}', "'", '💥', 'a\nb', 'a\0b', '%', '["x"]', 'x'.repeat(2000)]
    for (const text of odd) await store.set(text, 1, 60, [text, 'all'])
    for (const text of odd) expect(await store.list(text)).toEqual([text])
    expect(await store.list('all')).toHaveLength(odd.length)
  })
}
