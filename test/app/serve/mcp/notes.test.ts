import { describe, expect, it } from 'vitest'
import { createNoteStore } from '../../../../app/notes/notes.ts'

const alice = { issuer: 'https://issuer.example', subject: 'alice' }
const bob = { issuer: 'https://issuer.example', subject: 'bob' }
const note = { title: 'Milk', text: 'two bottles' }

describe('the note store', () => {
  it('dates notes by the clock it was given', () => {
    expect(createNoteStore({ now: () => 0 }).add(alice, note)).toMatchObject({
      ...note,
      createdAt: '1970-01-01T00:00:00.000Z',
    })
  })

  it('knows nothing of a note under another owner', () => {
    const store = createNoteStore({ now: () => 0 })
    const id = store.add(alice, note)?.id ?? ''
    expect(store.read(bob, id)).toBeUndefined()
    expect(store.delete(bob, id)).toBe(false)
    expect(store.list(bob)).toEqual([])
    expect(store.read(alice, id)).toMatchObject(note)
  })

  it('keeps owners apart whose issuer and subject read alike when put together', () => {
    const store = createNoteStore({ now: () => 0 })
    store.add({ issuer: 'https://a', subject: 'b","c' }, note)
    expect(store.list({ issuer: 'https://a","b', subject: 'c' })).toEqual([])
    expect(store.counts()).toEqual([{ issuer: 'https://a', subject: 'b","c', notes: 1 }])
  })

  it('takes no more than its bound from one owner, and goes on with others', () => {
    const store = createNoteStore({ now: () => 0, maxNotesPerOwner: 1 })
    const id = store.add(alice, note)?.id ?? ''
    expect(store.add(alice, note)).toBeUndefined()
    expect(store.add(bob, note)).toBeDefined()
    expect(store.delete(alice, id)).toBe(true)
    expect(store.add(alice, note)).toBeDefined()
  })

  it('takes no more than its bound from all owners together, and keeps no trace of those it turned away', () => {
    const store = createNoteStore({ now: () => 0, maxNotes: 1 })
    store.add(alice, note)
    expect(store.add(bob, note)).toBeUndefined()
    expect(store.counts()).toEqual([{ ...alice, notes: 1 }])
  })
})
