import type { Server } from 'node:http'

/** Closes a server and cuts what is still open. */
export function closing(server: object): () => Promise<void> {
  const { close, closeAllConnections } = server as Server
  return () =>
    new Promise(resolve => {
      close.call(server, () => resolve())
      closeAllConnections.call(server)
    })
}
