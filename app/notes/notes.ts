import { randomUUID } from 'node:crypto'
import type { ValidatedToken } from 'idplug'

export interface Note {
  /** UUID, unique among all users. */
  readonly id: string
  readonly title: string
  readonly text: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

/** Whose notes: the key of an identity, see {@link ValidatedToken}. */
export type NoteOwner = Pick<ValidatedToken, 'issuer' | 'subject'>

type Awaitable<T> = T | Promise<T>

/** Every operation sees the notes of one owner only; another's id is an unknown id. */
export interface NoteStore {
  /** Oldest first. */
  list(owner: NoteOwner): Awaitable<readonly Note[]>
  read(owner: NoteOwner, id: string): Awaitable<Note | undefined>
  /** `undefined` when the owner, or the store as a whole, has no room left. */
  add(owner: NoteOwner, note: Pick<Note, 'title' | 'text'>): Awaitable<Note | undefined>
  /** False when the owner has no such note. */
  delete(owner: NoteOwner, id: string): Awaitable<boolean>
  /** Owners who have notes, with how many. */
  counts(): Awaitable<readonly (NoteOwner & { readonly notes: number })[]>
}

export interface NoteStoreOptions {
  /** Milliseconds since the Unix epoch. Default: the system's clock. */
  now?: () => number
  /** Default 100. */
  maxNotesPerOwner?: number
  /** Of all owners together. Default 10,000. */
  maxNotes?: number
}

/** Notes in the memory of this process. */
export function createNoteStore(options: NoteStoreOptions = {}) {
  const { now = Date.now, maxNotesPerOwner = 100, maxNotes = 10_000 } = options
  const owners = new Map<string, Map<string, Note>>()
  let total = 0

  return {
    list: (owner: NoteOwner): readonly Note[] => [...(owners.get(keyOf(owner))?.values() ?? [])],
    read: (owner: NoteOwner, id: string) => owners.get(keyOf(owner))?.get(id),
    add(owner: NoteOwner, { title, text }: Pick<Note, 'title' | 'text'>): Note | undefined {
      const notes = owners.get(keyOf(owner)) ?? new Map<string, Note>()
      if (notes.size >= maxNotesPerOwner || total >= maxNotes) return undefined
      const note = Object.freeze({ id: randomUUID(), title, text, createdAt: new Date(now()).toISOString() })
      owners.set(keyOf(owner), notes.set(note.id, note))
      total++
      return note
    },
    delete(owner: NoteOwner, id: string) {
      const notes = owners.get(keyOf(owner))
      if (!notes?.delete(id)) return false
      total--
      if (notes.size === 0) owners.delete(keyOf(owner))
      return true
    },
    counts: () =>
      [...owners].map(([key, notes]) => {
        const [issuer, subject] = JSON.parse(key) as [string, string]
        return { issuer, subject, notes: notes.size }
      }),
  } satisfies NoteStore
}

/** Name of an owner. JSON, so that no issuer and subject can be put together to read like another pair. */
export function keyOf({ issuer, subject }: NoteOwner): string {
  return JSON.stringify([issuer, subject])
}
