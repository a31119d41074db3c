import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { ToolError } from './catalog.ts'
import { keyOf, type Note, type NoteOwner, type NoteStore, type NoteStoreOptions } from './notes.ts'

/** A place that several processes share. Values are JSON; every entry has an end, in seconds. */
export interface SharedPlace {
  get<T>(key: string): Promise<T | undefined>
  set(key: string, value: unknown, seconds: number): Promise<void>
  /** @returns Whether the key was free: of several at once, one stores. */
  add(key: string, value: unknown, seconds: number): Promise<boolean>
  delete(key: string): Promise<void>
}

const KEPT_SECONDS = 10 * 365 * 24 * 3600
const LOCK_SECONDS = 5
const POLL_MILLISECONDS = 20

/** Notes that several processes share. One entry holds all notes of an owner, and one the names of all owners. */
export function createSharedNoteStore(
  place: SharedPlace,
  { now = Date.now, maxNotesPerOwner = 100 }: Omit<NoteStoreOptions, 'maxNotes'> = {},
): NoteStore {
  const notesOf = async (owner: NoteOwner) => (await place.get<Note[]>(keyOf(owner))) ?? []

  /** Runs alone among all processes. */
  async function alone<T>(key: string, work: () => Promise<T>): Promise<T> {
    const lock = `lock:${key}`
    // A process that holds it and dies lets go after LOCK_SECONDS.
    while (!(await place.add(lock, true, LOCK_SECONDS))) await delay(POLL_MILLISECONDS)
    try {
      return await work()
    } finally {
      await place.delete(lock)
    }
  }

  async function changeOwners(change: (owners: Set<string>) => void): Promise<void> {
    await alone(OWNERS, async () => {
      const owners = new Set(await place.get<string[]>(OWNERS))
      change(owners)
      await place.set(OWNERS, [...owners], KEPT_SECONDS)
    })
  }

  return {
    list: owner => reached(() => notesOf(owner)),
    read: (owner, id) => reached(async () => (await notesOf(owner)).find(note => note.id === id)),

    add: (owner, { title, text }) =>
      reached(async () => {
        const key = keyOf(owner)
        const note = { id: randomUUID(), title, text, createdAt: new Date(now()).toISOString() }
        const count = await alone(key, async () => {
          const notes = await notesOf(owner)
          if (notes.length >= maxNotesPerOwner) return 0
          await place.set(key, [...notes, note], KEPT_SECONDS)
          return notes.length + 1
        })
        if (count === 1) await changeOwners(owners => owners.add(key))
        return count > 0 ? note : undefined
      }),

    delete: (owner, id) =>
      reached(() =>
        alone(keyOf(owner), async () => {
          const notes = await notesOf(owner)
          const left = notes.filter(note => note.id !== id)
          if (left.length < notes.length) await place.set(keyOf(owner), left, KEPT_SECONDS)
          return left.length < notes.length
        }),
      ),

    counts: () =>
      reached(async () => {
        const owners = (await place.get<string[]>(OWNERS)) ?? []
        const counted = await Promise.all(
          owners.map(async key => {
            const [issuer, subject] = JSON.parse(key) as [string, string]
            return { issuer, subject, notes: (await notesOf({ issuer, subject })).length }
          }),
        )
        return counted.filter(({ notes }) => notes > 0)
      }),
  }
}

const OWNERS = 'owners'

/** What goes wrong here is that the place is away: the user can do no more than try again. */
async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new ToolError('The notes cannot be reached right now. Try again in a moment.', { cause: error })
  }
}
