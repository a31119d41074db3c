import { type Command, InvalidArgumentError } from 'commander'
import { didYouMean } from 'idplug/internal'
import { type Emulation, emulatorNames, runEmulator } from '../../emulators/run.ts'
import { endpointUrl } from './endpoint-url.ts'

const HELP = `
Providers: ${emulatorNames.join(', ')}

Examples:
  idplug emulate auth0
  idplug emulate okta --port 4000 --resource https://mcp.example.com/mcp

It runs until Ctrl+C, and prints the settings for a server that uses it and a
command that signs you in.
Exit codes: 0 stopped, 1 the port is taken, 2 wrong arguments.`

interface EmulateOptions {
  port?: number
  resource?: string
}

export function registerEmulate(program: Command): void {
  program
    .command('emulate')
    .description('emulate a provider on this machine, with users to choose from')
    .argument('<provider>', 'which one')
    .option('--port <number>', 'port to listen on (default: a free one)', portNumber)
    .option(
      '--resource <url>',
      'URL of the MCP endpoint that tokens are for (default: http://localhost:3232/mcp)',
      endpointUrl,
    )
    .addHelpText('after', HELP)
    .showHelpAfterError()
    .action(emulate)
}

/** Runs a provider's emulator as a process until SIGINT or SIGTERM, and says how to start a server beside it. */
async function emulate(provider: string, { port, resource }: EmulateOptions, command: Command): Promise<void> {
  const name = emulatorNames.find(known => known === provider)
  if (!name) {
    const hint = didYouMean(provider, emulatorNames)
    return command.error(`error: there is no emulator for ${provider}${hint}`, { exitCode: 2 })
  }
  const emulation = await runEmulator(name, { port, resource }).catch((error: Error) => {
    console.error(`The emulator cannot listen: ${error.message}`)
    process.exit(1)
  })
  console.log(instructions(name, emulation))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void emulation.emulator.close())
}

/** Every line to paste, for a server beside the emulator and for a person who signs in to it. */
function instructions(name: string, { origin, settings, resource, client }: Emulation): string {
  const setting = Object.entries(settings).map(([key, value]) => `${key}='${value}'`)
  const { clientId, redirectUri, secret } = client
  const variable = secret ? `CLIENT_SECRET='${secret.value}' ` : ''
  const credentials = secret ? ` --client-secret-env CLIENT_SECRET --issuer '${secret.issuer}'` : ''
  return `The ${name} emulator listens at ${origin}. Start your server with these settings (npx idplug starts the example):

${setting.join(' ')} node server.ts

Then sign in as one of its users, with a client that it knows:

${variable}npx idplug login '${resource}' --client-id '${clientId}'${credentials} --redirect-uri '${redirectUri}'`
}

function portNumber(value: string): number {
  const port = Number(value)
  if (!/^\d+$/.test(value) || port > 65_535) throw new InvalidArgumentError('Expected a port number from 0 to 65535.')
  return port
}
