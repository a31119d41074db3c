import type { Server } from 'node:http'
import { ConfigError, type ConfigProblem } from '../config-error.ts'

/**
 * Listens, and turns what can go wrong into the setting that has to change.
 *
 * @param setting - Name of the setting that the port comes from.
 * @throws {ConfigError}
 */
export async function listen(server: Server, port: number, host: string, setting: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) =>
      reject(new ConfigError([listenProblem(error.code, port, host, setting)]))
    server.once('error', fail).listen(port, host, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

function listenProblem(code: string | undefined, port: number, host: string, setting: string): ConfigProblem {
  switch (code) {
    case 'EADDRINUSE':
      return {
        setting,
        problem: `port ${port} is taken by another program; stop that one, or choose another port (${setting}=${port + 10})`,
      }
    case 'EACCES':
      return { setting, problem: `this user may not listen on port ${port}; choose one above 1023` }
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return { setting: 'HOST', problem: `${host} is not an address of this machine; 0.0.0.0 stands for all of them` }
    default:
      return { setting, problem: `cannot listen on ${host}:${port} (${code})` }
  }
}
