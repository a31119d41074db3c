import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, vi } from 'vitest'
import { openWatcher } from '../../../app/watch/open-watcher.ts'
import type { WatchEvent } from '../../../app/watch/watcher.ts'

export function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'idplug-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'watch')
}

export const until = (check: () => void | Promise<void>) => vi.waitFor(check, { interval: 20 })

/** A watcher at a socket, and all that it tells. */
export async function watchAt(path: string) {
  const events: WatchEvent[] = []
  const opened = await openWatcher(path, { onEvent: event => events.push(event), onForeign: () => {} })
  let closed: Promise<void> | undefined
  const close = () => (closed ??= opened.close())
  onTestFinished(close)
  const steps = () => events.filter(event => event.event === 'step')
  return {
    events,
    close,
    steps,
    stops: () => events.filter(event => event.event === 'stopped'),
    stepsOf: (attempt: number) => steps().flatMap(each => (each.attempt === attempt ? [each.step] : [])),
    /** Waits until so many servers write. */
    servers: (count: number) =>
      until(() => expect(events.filter(({ event }) => event === 'server').length).toBeGreaterThanOrEqual(count)),
    async shown(attempt: number, asked: string | RegExp) {
      await until(() => {
        const found = steps().filter(each => each.attempt === attempt)
        expect(found.map(step => step.asked)).toContainEqual(expect.stringMatching(asked))
      })
    },
  }
}

/** All that servers write to a socket, as they write it. */
export async function recordAt(path: string): Promise<() => string> {
  let text = ''
  const server = createServer(socket => {
    socket.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    socket.on('error', () => {})
  })
  const umask = process.umask(0o177)
  server.listen(path)
  process.umask(umask)
  onTestFinished(() => void server.close())
  return () => text
}
