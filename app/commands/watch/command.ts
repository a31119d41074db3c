import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { ConfigError } from 'idplug'
import { readEnvironment } from '../../environment.ts'
import { openWatcher } from '../../watch/open-watcher.ts'
import { jsonView, lineView, terminalView } from '../../watch/view.ts'
import { EXIT } from '../exit.ts'

interface WatchOptions {
  json?: boolean
  silence: number
}

const HELP = `
Start it first or last: servers write as soon as it listens, and keep the
last minutes for it. All servers with the same AUTH_WATCH share one view.

Examples:
  idplug watch watch.sock
  AUTH_WATCH=watch.sock node server.ts      in another terminal, same folder

  idplug watch --json > attempts.jsonl      with AUTH_WATCH in .env

Nothing secret is written: no token, code, secret, cookie, state or
code_verifier, and not who signed in. docs/watch.md says what is.

Ends with Ctrl+C. Exit codes: 0, 2 wrong arguments or a socket that
cannot be used.`

export function registerWatch(program: Command): void {
  program
    .command('watch')
    .description('show each client that connects, and where its sign-in stops')
    .argument('[socket]', 'path of the socket (default: AUTH_WATCH)')
    .option('--silence <seconds>', 'how long a client may be silent', secondsOf, 30)
    .option('--json', 'print one event per line as JSON')
    .addHelpText('after', HELP)
    .action(async (given: string | undefined, options: WatchOptions, command: Command) => {
      const name = given ?? readEnvironment('command').env.AUTH_WATCH?.trim()
      if (!name) {
        return command.error('error: name the socket, as in idplug watch watch.sock, or in AUTH_WATCH', {
          exitCode: EXIT.usage,
        })
      }
      if (/^https?:\/\//i.test(name)) {
        const how = 'Run idplug watch watch.sock, and start the server with AUTH_WATCH=watch.sock'
        return command.error(`error: it takes the path of a socket, not the URL of a server. ${how}`, {
          exitCode: EXIT.usage,
        })
      }
      try {
        await watch(process.platform === 'win32' ? name : resolve(name), options)
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        command.error(`error: ${error.message}`, { exitCode: EXIT.usage })
      }
    })
}

function secondsOf(text: string): number {
  const seconds = Number(text)
  if (!/^\d{1,4}$/.test(text) || seconds < 1)
    throw new InvalidArgumentError('Expected a whole number of seconds from 1 to 9999.')
  return seconds
}

const LOOK_MILLISECONDS = 250
const otherVersion = (format: number) =>
  `A server writes in format ${format}, which this idplug watch cannot read. Use the same version of idplug for both.`

async function watch(path: string, { json, silence }: WatchOptions): Promise<void> {
  const { stdout } = process
  const view = json ? jsonView(stdout) : stdout.isTTY ? terminalView(stdout) : lineView(stdout)
  const { watcher, close } = await openWatcher(path, {
    onEvent: view.event,
    onForeign: format => console.error(otherVersion(format)),
    silenceSeconds: silence,
  })
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  if (!json) console.error(`Watching. Start servers with AUTH_WATCH=${path}`)
  const looking = setInterval(() => {
    watcher.look(Date.now())
    view.waiting(watcher.waiting())
  }, LOOK_MILLISECONDS)
  await once(stop.signal, 'abort')
  clearInterval(looking)
  const closed = close()
  view.end()
  await Promise.race([closed, wait(1_000, undefined, { ref: false })])
}
