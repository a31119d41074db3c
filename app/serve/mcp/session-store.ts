import type { ValidatedToken } from 'idplug'

/** What the store needs to know about a session; `close` ends its streams and makes its owner `delete` it. */
export interface Closable {
  close(): Promise<void>
}

export interface SessionStoreOptions {
  /** Milliseconds since the Unix epoch. */
  now: () => number
  /** Seconds without a request after which a session ends. */
  idleSeconds: number
  maxSessions: number
  /** Of one user, through whatever clients. Keeps one user from pushing out the others. */
  maxSessionsPerUser: number
}

/** Sessions by id. Each belongs to the identity that opened it, and does not exist for anybody else. */
export interface SessionStore<T extends Closable> {
  readonly size: number
  /**
   * Makes room by ending the least recently used session: of this user, when the user has too many; else of all.
   *
   * @returns False when another identity has a session of that id, which it keeps.
   */
  add(id: string, token: Owner, session: T): boolean
  /**
   * Runs `use` with the session if the token's identity owns it. The session does not go idle meanwhile.
   *
   * @returns False when there is no such session, or it belongs to another identity.
   */
  use(id: string, token: Owner, use: (session: T) => Promise<void>): Promise<boolean>
  delete(id: string): void
  close(): Promise<void>
}

interface Entry<T> {
  readonly id: string
  readonly session: T
  readonly owner: Owner
  lastUsed: number
  /** Grows with every use of any session: several fall into one millisecond. */
  turn: number
  /** Requests in flight, open streams included. */
  active: number
}

/** Whom a session belongs to. */
export type Owner = Pick<ValidatedToken, 'issuer' | 'subject' | 'clientId'>

const sweepMilliseconds = 60_000

export function createSessionStore<T extends Closable>(options: SessionStoreOptions): SessionStore<T> {
  const { now, idleSeconds, maxSessions, maxSessionsPerUser } = options
  const entries = new Map<string, Entry<T>>()
  const users = new Map<string, Set<Entry<T>>>()
  let turns = 0
  const sweeper = setInterval(sweep, sweepMilliseconds).unref()

  function idle({ active, lastUsed }: Entry<T>): boolean {
    return active === 0 && now() - lastUsed >= idleSeconds * 1000
  }

  function touch(entry: Entry<T>): void {
    entry.lastUsed = now()
    entry.turn = ++turns
  }

  function end(entry: Entry<T>): void {
    remove(entry)
    void entry.session.close()
  }

  function remove(entry: Entry<T>): void {
    entries.delete(entry.id)
    const user = userOf(entry.owner)
    const siblings = users.get(user)
    siblings?.delete(entry)
    if (siblings?.size === 0) users.delete(user)
  }

  function sweep(): void {
    for (const entry of entries.values()) if (idle(entry)) end(entry)
  }

  return {
    get size() {
      return entries.size
    },
    add(id, token, session) {
      const known = entries.get(id)
      if (known && !isOwner(known.owner, token)) return false
      if (known) remove(known)
      const { issuer, subject, clientId } = token
      const user = userOf(token)
      const siblings = users.get(user) ?? new Set()
      // Looked for only when there is no room: to keep them in order would cost every request.
      if (siblings.size >= maxSessionsPerUser) end(leastRecentlyUsed(siblings))
      else if (entries.size >= maxSessions) end(leastRecentlyUsed(entries.values()))
      const entry = { id, session, owner: { issuer, subject, clientId }, lastUsed: now(), turn: ++turns, active: 0 }
      entries.set(id, entry)
      users.set(user, siblings.add(entry))
      return true
    },
    async use(id, token, use) {
      const entry = entries.get(id)
      if (!entry || !isOwner(entry.owner, token)) return false
      if (idle(entry)) {
        end(entry)
        return false
      }
      entry.active++
      touch(entry)
      try {
        await use(entry.session)
      } finally {
        entry.active--
        touch(entry)
      }
      return true
    },
    delete(id) {
      const entry = entries.get(id)
      if (entry) remove(entry)
    },
    async close() {
      clearInterval(sweeper)
      await Promise.all([...entries.values()].map(({ session }) => session.close()))
      entries.clear()
      users.clear()
    },
  }
}

function isOwner(owner: Owner, token: Owner): boolean {
  return owner.subject === token.subject && owner.clientId === token.clientId && owner.issuer === token.issuer
}

/** JSON, so that no parts can be put together to read like other parts. */
function userOf({ issuer, subject }: Owner): string {
  return JSON.stringify([issuer, subject])
}

/** @param entries - One at least. */
function leastRecentlyUsed<T>(entries: Iterable<Entry<T>>): Entry<T> {
  return [...entries].reduce((least, entry) => (entry.turn < least.turn ? entry : least))
}
