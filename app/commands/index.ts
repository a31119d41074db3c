import { Command, CommanderError } from 'commander'
import { ConfigError } from 'idplug'
import { forPowerShell } from '../powershell.ts'
import { version } from '../version.ts'
import { EXIT } from './exit.ts'
import { withoutLeadingHyphens } from './leading-hyphens.ts'

type Register = (program: Command) => void

// Each is loaded when it is called for: a program that is run often should not take long to begin.
const client = () => import('./client/command.ts').then(({ registerClient }): Register => registerClient)
const loaders: Readonly<Record<string, () => Promise<Register>>> = {
  login: client,
  call: client,
  tools: client,
  whoami: client,
  logout: client,
  init: () => import('./init/command.ts').then(({ registerInit }) => registerInit),
  doctor: () => import('./doctor/command.ts').then(({ registerDoctor }) => registerDoctor),
  conformance: () => import('./conformance.ts').then(({ registerConformance }) => registerConformance),
  watch: () => import('./watch/command.ts').then(({ registerWatch }) => registerWatch),
  explain: () => import('./explain/command.ts').then(({ registerExplain }) => registerExplain),
  migrate: () => import('./migrate/command.ts').then(({ registerMigrate }) => registerMigrate),
  keys: () => import('./keys/command.ts').then(({ registerKeys }) => registerKeys),
  sessions: () => import('./sessions/command.ts').then(({ registerSessions }) => registerSessions),
  clients: () => import('./sessions/clients-command.ts').then(({ registerClients }) => registerClients),
  'api-keys': () => import('./api-keys/command.ts').then(({ registerApiKeys }) => registerApiKeys),
  store: () => import('./store/command.ts').then(({ registerStore }) => registerStore),
  'authorization-server': () =>
    import('./authorization-server.ts').then(({ registerAuthorizationServer }) => registerAuthorizationServer),
  'forward-auth': () => import('../forward-auth/command.ts').then(({ registerForwardAuth }) => registerForwardAuth),
  gateway: () => import('./gateway.ts').then(({ registerGateway }) => registerGateway),
  emulate: () => import('./emulate.ts').then(({ registerEmulate }) => registerEmulate),
}

const WITHOUT_A_COMMAND = `Without a command the MCP server starts, with the settings of the environment
and of .env (docs/settings.md), such as PORT=4000.`

/**
 * Builds the program with all commands, or only with the module that holds `name`.
 *
 * @param platform - Of `process.platform`; a parameter for tests.
 */
export async function createProgram(name?: string, platform = process.platform): Promise<Command> {
  const program = new Command('idplug')
    .description('sign-in for MCP servers that you can swap with one line of configuration')
    .version(version)
    .addHelpText('after', `\n${WITHOUT_A_COMMAND}`)
    // With their arguments they would leave no room for what they do.
    .configureHelp({ subcommandTerm: command => command.name() })
  const loader = name === undefined ? undefined : loaders[name]
  for (const load of new Set(loader ? [loader] : Object.values(loaders))) (await load())(program)
  if (platform === 'win32') {
    const writeOut = (text: string) => void process.stdout.write(forPowerShell(text))
    for (const command of allOf(program)) command.configureOutput({ writeOut })
  }
  // Commands that were added before do not inherit it.
  return program.showHelpAfterError(`${WITHOUT_A_COMMAND}\nidplug --help lists the commands.`)
}

/** In place of the whole help, which would push the error off the screen. */
function usageOf(command: Command): string {
  const names = [command.name()]
  for (let { parent } = command; parent; { parent } = parent) names.unshift(parent.name())
  const name = names.join(' ')
  const { commands } = command
  const then = commands.length > 0 ? `: ${commands.map(each => each.name()).join(', ')}` : ''
  return `Usage: ${name} ${command.usage()}${then}\n${name} --help says more.`
}

const allOf = (program: Command): Command[] => [program, ...program.commands.flatMap(allOf)]

/** Runs the commands that need no server of ours. Wrong arguments end the process with 2. */
export async function runCommand(argv: readonly string[]): Promise<void> {
  // Whoever read the output has seen enough of it: idplug --help | head.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(EXIT.fine)
  })
  const program = await createProgram(argv[2])
  program.exitOverride()
  for (const command of program.commands) {
    for (const each of [command, ...command.commands]) {
      // Arguments are quoted in errors, and errors end up in the logs of CI.
      each.configureOutput({ outputError: (text, write) => write(text.replace(/:\/\/[^\s/'"]*@/g, '://…@')) })
      each.exitOverride(error => {
        // What a command says itself, about settings for one, is no question of how it is called.
        const isOurs = error.code === 'commander.error' || error.code === 'commander.help'
        if (error.exitCode !== 0 && !isOurs) console.error(usageOf(each))
        throw error
      })
    }
  }
  try {
    await program.parseAsync(withoutLeadingHyphens(program, argv.slice(2)), { from: 'user' })
  } catch (error) {
    // Settings that cannot be read at all, before a command could say so itself.
    if (error instanceof ConfigError) {
      console.error(`error: ${error.message}`)
      process.exitCode = EXIT.usage
      return
    }
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage
  }
}
