import { parseArgs } from 'node:util'
import { type EmulatorName, emulatorNames, runEmulator } from '../../emulators/run.ts'

const USAGE = `idplug emulate <provider> [--port <number>] [--resource <URL of the MCP endpoint>]
  A stand-in for the provider with users to choose from, for trying out and for tests.
  Providers: ${emulatorNames.join(', ')}`

/**
 * Runs a provider's emulator as a process until SIGINT or SIGTERM, and says how to start a server beside it.
 * Arguments that cannot be understood end the process with 2, a port that is taken with 1.
 */
export async function emulate(args: readonly string[]): Promise<void> {
  const { name, port, resource } = readArguments(args)
  const { emulator, origin, settings } = await runEmulator(name, { port, resource }).catch((error: Error) => {
    console.error(`The emulator cannot listen: ${error.message}`)
    process.exit(1)
  })
  const command = Object.entries(settings).map(([setting, value]) => `${setting}='${value}'`)
  console.log(
    `The emulator of ${name} listens at ${origin}. Start a server beside it:\n\n${command.join(' ')} npx idplug`,
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void emulator.close())
}

function readArguments(args: readonly string[]): { name: EmulatorName; port?: number; resource?: string } {
  try {
    const options = { port: { type: 'string' }, resource: { type: 'string' } } as const
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    const name = emulatorNames.find(known => known === positionals[0])
    const port = values.port === undefined ? undefined : Number(values.port)
    const usable = name && positionals.length === 1 && (port === undefined || (Number.isInteger(port) && port < 65_536))
    if (usable) return { name, port, resource: values.resource }
  } catch {
    // An option that there is not.
  }
  console.error(USAGE)
  process.exit(2)
}
