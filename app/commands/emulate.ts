import { type Command, InvalidArgumentError } from 'commander'
import { didYouMean } from 'idplug/internal'
import {
  type Emulation,
  emulatorNames,
  type Fault,
  faults,
  REVOKE_PATH,
  type RunOptions,
  runEmulator,
} from '../../emulators/run.ts'
import { forPowerShell } from '../powershell.ts'
import { endpointUrl } from './endpoint-url.ts'
import { portNumber, words } from './option-values.ts'

const HELP = `
Providers: ${emulatorNames.join(', ')}

Faults, separated by commas:
  rotate        a refresh token is good for once
  no-id-token   the answer to a refresh has no ID token
  empty-400     errors have no body, as of a refresh token that was revoked

Examples:
  idplug emulate auth0
  idplug emulate okta --port 4000 --resource https://mcp.example.com/mcp
  idplug emulate okta --bridge http://localhost:3001 --fault rotate,empty-400
  idplug emulate auth0 --redirect-uri https://client.example.com/callback

It runs until Ctrl+C, and prints every line to paste: the settings of a server
that uses it, and commands that sign you in (docs/emulators.md).
Exit codes: 0 stopped, 1 the port is taken, 2 wrong arguments.`

interface EmulateOptions extends Pick<RunOptions, 'port' | 'resource' | 'scopes' | 'bridge'> {
  redirectUri?: string[]
  fault?: Fault[]
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
    .option('--scopes <scopes>', 'scopes of that server (default: notes:read notes:write)', words)
    .option('--bridge <url>', 'URL of the authorization server of a bridge in front of it', endpointUrl)
    .option('--redirect-uri <uri>', 'redirect URI of a client of yours (repeatable)', collected)
    .option('--fault <names>', 'what the provider does differently', faultNames)
    .addHelpText('after', HELP)
    .action(emulate)
}

/** Runs a provider's emulator as a process until SIGINT or SIGTERM, and says how to start a server beside it. */
async function emulate(provider: string, options: EmulateOptions, command: Command): Promise<void> {
  const name = emulatorNames.find(known => known === provider)
  if (!name) {
    const hint = didYouMean(provider, emulatorNames)
    return command.error(`error: there is no emulator for ${provider}${hint}; there are ${emulatorNames.join(', ')}`, {
      exitCode: 2,
    })
  }
  const { redirectUri: redirectUris, fault: faults, ...others } = options
  const emulation = await runEmulator(name, { ...others, redirectUris, faults }).catch((error: Error) => {
    console.error(`The emulator cannot listen: ${error.message}. Choose another port with --port.`)
    process.exit(1)
  })
  const text = instructions(name, emulation, options)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void emulation.emulator.close())
  console.log(process.platform === 'win32' ? forPowerShell(text) : text)
}

/** Every line to paste, for a server beside the emulator and for a person who signs in to it. */
function instructions(name: string, emulation: Emulation, options: EmulateOptions): string {
  const { bridge, redirectUri = [] } = options
  const { origin, settings, resource, client, machine, logins } = emulation
  const setting = Object.entries(settings).map(([key, value]) => `${key}='${value}'`)
  const { clientId, secret } = client
  const variable = secret ? `CLIENT_SECRET='${secret.value}' ` : ''
  const credentials = secret ? ` --client-secret-env CLIENT_SECRET --issuer '${secret.issuer}'` : ''
  const login = bridge
    ? `Then sign in as one of its users. Clients register at the bridge by themselves:

npx idplug login '${resource}'`
    : `Then sign in as one of its users, with a client that it knows:

${variable}npx idplug login '${resource}' --client-id '${clientId}'${credentials} --redirect-uri '${client.redirectUri}'`
  const own = `A client of yours uses the client id ${clientId}${secret ? ` and the secret ${secret.value}` : ', without a secret,'} and ${redirectUri.join(', ')}.`
  const asMachine =
    machine &&
    `Or as a machine, without a person:

CLIENT_SECRET='${machine.secret}' npx idplug tools '${resource}' --client-credentials --client-id '${machine.clientId}' --client-secret-env CLIENT_SECRET --issuer '${machine.issuer}'`
  return [
    `The ${name} emulator listens at ${origin}. Its users: ${logins.join(', ')}.
${
  options.resource
    ? 'Start your server with these settings:'
    : 'Start the notes server with these settings (or your own server, and name it here with --resource):'
}`,
    `${setting.join(' ')} ${options.resource ? 'node server.ts' : 'npx idplug'}`,
    login,
    ...(redirectUri.length > 0 ? [own] : []),
    ...(asMachine && !bridge ? [asMachine] : []),
    `To revoke every refresh token, as an administrator would: curl -X POST ${origin}${REVOKE_PATH}`,
  ].join('\n\n')
}

/** Of any client: `cursor://…` as well. */
function collected(value: string, before: string[] = []): string[] {
  if (!URL.canParse(value))
    throw new InvalidArgumentError('Expected a whole URI, such as https://client.example.com/callback.')
  return [...before, value]
}

function faultNames(value: string): Fault[] {
  return words(value).map(word => {
    const known = faults.find(name => name === word)
    if (!known)
      throw new InvalidArgumentError(
        `There is no fault ${word}${didYouMean(word, faults)}. Known: ${faults.join(', ')}.`,
      )
    return known
  })
}
