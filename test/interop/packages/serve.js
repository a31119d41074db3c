import { createServer } from 'node:http'

/**
 * The side of a server's own process: sets it up as the test says, then does what the test asks for.
 *
 * @param setUp - Resolves with the commands of the server, by name. `listen` and `close` are among them.
 */
export function serve(setUp) {
  let commands
  process.on('message', async ({ id, command, args }) => {
    try {
      if (command === 'setUp') commands = await setUp(...args)
      process.send({ id, result: command === 'setUp' ? undefined : await commands[command](...args) })
    } catch (error) {
      process.send({ id, error: `${error.stack} ${JSON.stringify(error.body ?? null)}` })
    }
  })
  process.on('disconnect', () => process.exit())
}

/** Commands for a request handler: away and back again without forgetting anything. */
export function listener(issuer, handler) {
  let server
  return {
    async listen() {
      server = createServer(handler)
      await new Promise(resolve => server.listen(Number(new URL(issuer).port), '127.0.0.1', resolve))
    },
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
