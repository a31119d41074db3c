import { listenForServers } from './listen.ts'
import { createOrder } from './order.ts'
import { createWatcher, type Watcher, type WatcherOptions } from './watcher.ts'

export interface OpenWatcherOptions extends WatcherOptions {
  /** Told that a server writes as another version of idplug does. */
  readonly onForeign: (format: number) => void
}

/**
 * A watcher of the servers that write to a socket.
 *
 * @throws {ConfigError} The socket cannot be used.
 */
export async function openWatcher(
  path: string,
  { onForeign, ...options }: OpenWatcherOptions,
): Promise<{ readonly watcher: Watcher; close(): Promise<void> }> {
  const watcher = createWatcher(options)
  const order = createOrder()
  const listening = await listenForServers(path, {
    record(record, connection) {
      // The first line of a server has no time of its own.
      const at = 'at' in record ? record.at : 0
      order.add(at, () => watcher.record(record, connection))
    },
    foreign: onForeign,
    gone: connection => order.add(Date.now(), () => watcher.gone(connection, Date.now())),
  })
  return {
    watcher,
    close() {
      order.end()
      return listening.close()
    },
  }
}
