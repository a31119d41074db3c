import { once } from 'node:events'
import { statSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { ConfigError } from 'idplug'
import { folderProblem, socketProblem, WATCH_FORMAT, type WatchRecord } from 'idplug/internal'
import { readRecord } from './read-record.ts'

/** No record is as long. */
const MOST_LINE = 65_536
const OWNER_ONLY = 0o177

export interface ListenHandlers {
  /** @param connection - Number of the connection of the server that wrote the record. */
  record(record: WatchRecord, connection: number): void
  /** A server writes as another version of idplug does: nothing of it is read. */
  foreign(format: number): void
  /** A server has stopped, or its connection broke. */
  gone(connection: number): void
}

/**
 * Listens for servers on a socket that only this user can open; a socket that a watcher left behind is replaced.
 *
 * @returns What stops to listen, and takes the socket away.
 * @throws {ConfigError} The socket is somebody else's, somebody watches already, or it cannot be made.
 */
export async function listenForServers(path: string, handlers: ListenHandlers): Promise<{ close(): Promise<void> }> {
  await clear(path)
  const sockets = new Set<Socket>()
  let last = 0
  const server = createServer(socket => {
    const connection = ++last
    sockets.add(socket)
    let isForeign = false
    readLines(socket, line => {
      const record = isForeign ? undefined : readRecord(line)
      if (!record) return
      if ('format' in record && record.format !== WATCH_FORMAT) {
        isForeign = true
        return handlers.foreign(record.format)
      }
      if ('type' in record) handlers.record(record, connection)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      handlers.gone(connection)
    })
  })
  await listen(server, path)
  return {
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function clear(path: string): Promise<void> {
  const problem = await socketProblem(path)
  if (problem === 'absent') {
    const folder = statSync(dirname(path), { throwIfNoEntry: false })
    const wrong = folder ? folderProblem(folder) : 'is in a folder that does not exist'
    if (wrong !== undefined) throw refused(path, wrong)
    return
  }
  if (problem !== undefined) throw refused(path, problem)
  if (process.platform === 'win32') return
  if (await answers(path)) throw refused(path, 'is watched already: another idplug watch listens on it')
  unlinkSync(path)
}

function answers(path: string): Promise<boolean> {
  const socket = connect(path)
  return new Promise(resolve => {
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function listen(server: Server, path: string): Promise<void> {
  // The socket is made with it, so that there is no moment at which others could open it.
  const umask = process.platform === 'win32' ? undefined : process.umask(OWNER_ONLY)
  try {
    server.listen(path)
  } finally {
    if (umask !== undefined) process.umask(umask)
  }
  try {
    await once(server, 'listening')
  } catch (error) {
    throw refused(path, `cannot be listened on (${(error as NodeJS.ErrnoException).code})`)
  }
}

const refused = (path: string, problem: string) =>
  new ConfigError([{ setting: 'AUTH_WATCH', problem: `${path} ${problem}`, see: 'docs/watch.md' }])

function readLines(socket: Socket, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  socket.on('data', bytes => {
    const lines = (rest + decoder.write(bytes)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
    if (rest.length > MOST_LINE) socket.destroy()
  })
}
