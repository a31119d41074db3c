import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { stdioTargetListener } from './stdio-compositions.ts'

const SESSIONS = 100
/** Starting is the work of the machine, and is not measured. */
const AT_ONCE = 10
const MOST_SECONDS = 30
const POLL_MILLISECONDS = 20

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
})

/**
 * How long after a hundred sessions have ended, all at once, the last of their processes is gone.
 *
 * @param flags - For the command of each session.
 * @returns In seconds; infinite where some are left after 30.
 */
export async function secondsUntilGone(flags: readonly string[]): Promise<number> {
  const pids: number[] = []
  const { listener, close } = stdioTargetListener(flags, { maxPerPerson: SESSIONS }, pid => pids.push(pid))
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
  try {
    const sessions: string[] = []
    while (sessions.length < SESSIONS) {
      sessions.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => openSession(url)))))
    }
    if (pids.length !== SESSIONS || !pids.every(isRunning)) throw new Error('not every session has a process')
    const start = performance.now()
    await Promise.all(sessions.map(session => fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': session } })))
    const seconds = () => (performance.now() - start) / 1000
    while (pids.some(isRunning)) {
      if (seconds() > MOST_SECONDS) return Number.POSITIVE_INFINITY
      await pause(POLL_MILLISECONDS)
    }
    return seconds()
  } finally {
    await close()
    server.close().closeAllConnections()
  }
}

async function openSession(url: string): Promise<string> {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  const response = await fetch(url, { method: 'POST', headers, body: INITIALIZE })
  await response.text()
  const session = response.headers.get('mcp-session-id')
  if (response.status !== 200 || session === null) throw new Error(`no session: ${response.status}`)
  return session
}

/** Whether anything of its process group runs. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(-pid, 0)
  } catch {
    return false
  }
}
