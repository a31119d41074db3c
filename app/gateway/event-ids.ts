/** Ids of the events that a session was sent last. */
export interface EventIds {
  has(id: string): boolean
  add(id: string): void
}

/** Whoever takes up a stream again names the last event that they saw of it. There are a few streams in a session. */
const KEPT = 128
const LONGEST_ID = 256

export function createEventIds(): EventIds {
  const ids = new Set<string>()
  return {
    has: id => ids.has(id),
    add(id) {
      // The latest stands last.
      ids.delete(id)
      ids.add(id)
      if (ids.size > KEPT) for (const oldest of ids) return void ids.delete(oldest)
    },
  }
}

/**
 * Finds the ids in an event stream that goes by in pieces (HTML standard, "Server-sent events").
 *
 * @param found - Told each id as the client will send it back in `Last-Event-ID`: a character for each byte.
 * @returns Takes each piece.
 */
export function watchEventIds(found: (id: string) => void): (chunk: Buffer) => void {
  /** The beginning of a line. */
  let rest = ''
  return chunk => {
    // Most pieces have none, and end with a line.
    if (rest === '' && chunk.at(-1) === NEW_LINE && !chunk.includes('id')) return
    const lines = (rest + chunk.toString('latin1')).split(/\r\n|\r|\n/)
    const last = lines.pop() ?? ''
    for (const line of lines) {
      const id = line.startsWith('id:') ? line.slice(line[3] === ' ' ? 4 : 3) : ''
      if (id !== '' && id.length <= LONGEST_ID) found(id)
    }
    rest = mayBeId(last) ? last : OTHER
  }
}

const mayBeId = (line: string) => line.length <= LONGEST_ID + 4 && 'id:'.startsWith(line.slice(0, 3))

/** Stands for the beginning of a line that is none with an id. */
const OTHER = '.'
const NEW_LINE = 0x0a
