import { createReadStream, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { ConfigError, createProviderFetch } from 'idplug'
import {
  type Configuration,
  createProviders,
  type Environment,
  loadConfiguration,
  type ProviderConfiguration,
  REQUEST_ID,
  readTextFile,
  type SettingsFile,
} from 'idplug/internal'
import { readEnvironment } from '../../environment.ts'
import { EXIT } from '../exit.ts'
import { findRefusal } from './audit-log.ts'
import { explainToken } from './explain.ts'
import { meaningOf } from './reasons.ts'
import { explanationText, refusalText } from './report.ts'
import { offlineFetch, readSavedKeys, recordingFetch } from './saved-keys.ts'

interface ExplainOptions {
  id?: string
  log?: string
  idp?: string
  keys?: string
  saveKeys?: string
  json?: boolean
}

const EXAMPLES = `
Examples:
  pbpaste | idplug explain                    the token in the clipboard
  idplug explain < token --idp auth0          for another provider
  idplug explain --save-keys keys.json < token
  idplug explain --keys keys.json < token     the same without a network
  idplug explain --id 57e7d5d72cb4-1f < server.log
                                              by the id that a client was told

Exit codes: 0 accepted, 1 refused or not decided, 2 wrong arguments.`

export function registerExplain(program: Command): void {
  program
    .command('explain')
    .description('say why an access token is refused, and what to do')
    .argument('[token]', '- or nothing reads it from standard input, which keeps it out of the history')
    .option('--id <id>', 'explain the refusal with this id, out of the log')
    .option('--log <file>', 'log of the server for --id; standard input by default')
    .option('--idp <name>', 'provider, in place of AUTH_PROVIDER')
    .option('--keys <file>', 'verify with saved keys, without a network')
    .option('--save-keys <file>', 'save the keys of the provider for later')
    .option('--json', 'print the explanation as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (token: string | undefined, options: ExplainOptions, command: Command) => {
      process.exitCode = await (options.id === undefined
        ? explainGiven(token, options, command)
        : explainLogged(options.id, options, command))
    })
}

async function explainLogged(id: string, { log, json }: ExplainOptions, command: Command): Promise<number> {
  if (log === undefined && process.stdin.isTTY) {
    return fail(command, `the log of the server is needed as well: idplug explain --id ${id} < server.log`)
  }
  const stream = log === undefined ? process.stdin : createReadStream(log)
  const found = await findRefusal(stream, id).catch(error => fail(command, `${log} cannot be read (${error.code})`))
  if (!found) {
    console.error(`No line of the log has the id ${id}. Accepted requests are logged at LOG_LEVEL=info as well.`)
    return EXIT.found
  }
  if (json) console.log(JSON.stringify({ ...found, ...meaningOf(found.reason, found.facts) }, null, 2))
  else console.log(refusalText(found))
  return found.status < 400 ? EXIT.fine : EXIT.found
}

async function explainGiven(given: string | undefined, options: ExplainOptions, command: Command): Promise<number> {
  if (given !== undefined && REQUEST_ID.test(given)) {
    return fail(command, `${given} is the id of a request: idplug explain --id ${given} < server.log`)
  }
  const fromArgument = given !== undefined && given !== '-'
  if (fromArgument) {
    console.error('The token is in the history of your shell now. Next time: idplug explain < file\n')
  }
  if (!fromArgument && process.stdin.isTTY) {
    const end = process.platform === 'win32' ? 'Enter, Ctrl+Z and Enter' : 'Enter and Ctrl+D'
    console.error(`Paste the token, then press ${end}.`)
  }
  const token = (fromArgument ? given : await text(process.stdin)).trim().replace(/^Bearer\s+/i, '')
  if (token === '') return fail(command, 'there is no token on standard input: idplug explain < file')

  const { env, file } = readEnvironment('command')
  const settings = { ...env, ...(options.idp && { AUTH_PROVIDER: options.idp, AUTH_CONFIG: undefined }) }
  const configuration = configurationOf(settings, file, command)
  const { resource, providers } = configuration
  const online = recordingFetch(createProviderFetch(env))
  const saved = options.keys === undefined ? undefined : readKeys(options.keys, command)
  const fetch: typeof globalThis.fetch = saved ? offlineFetch(saved, () => validator.issuers[0] ?? '') : online.fetch
  const { CLOCK_TOLERANCE_SECONDS: clockToleranceSeconds, AUTH_INSECURE_HOSTS: insecureHosts } = configuration.settings
  const surroundings = { resource, fetch, now: Date.now, clockToleranceSeconds, insecureHosts }
  const { validator } = createProviders(providers, surroundings)

  const explanation = await explainToken(token, {
    validator,
    resource,
    now: Date.now(),
    answer: online.introspection,
    clockAhead: online.clockAhead,
    configuredFor: issuer => configuredFor(issuer, providers, surroundings),
  })
  if (explanation.reason === 'own_credentials_refused' && lacksDemoSecret(configuration)) {
    const why = 'a demo server that runs has made one for itself, without which nobody can ask it about a token'
    return fail(command, `DEMO_RS_CLIENT_SECRET is not set: ${why}. Start both with the same one`)
  }
  if (options.saveKeys !== undefined) {
    await validator.warmUp().catch(() => {}) // said in the explanation
    writeFileSync(options.saveKeys, `${JSON.stringify(online.saved(), null, 2)}\n`)
  }
  console.log(options.json ? JSON.stringify(explanation, null, 2) : explanationText(explanation))
  return explanation.verdict === 'accepted' ? EXIT.fine : EXIT.found
}

/** The only provider, or the one of several that a token says it is of. */
function configuredFor(
  issuer: unknown,
  providers: Configuration['providers'],
  surroundings: Parameters<typeof createProviders>[1],
) {
  const isIssuer = (provider: ProviderConfiguration) =>
    createProviders([provider], surroundings).validator.issuers.some(known => known === issuer)
  return providers.length === 1 ? providers[0] : providers.find(isIssuer)
}

function lacksDemoSecret({ providers, settings }: Configuration): boolean {
  return settings.DEMO_RS_CLIENT_SECRET === undefined && providers.some(({ adapter }) => adapter.name === 'demo')
}

function readKeys(path: string, command: Command) {
  try {
    return readSavedKeys(readTextFile(path))
  } catch (error) {
    return fail(command, `${path} ${(error as Error).message}`)
  }
}

function fail(command: Command, message: string): never {
  return command.error(`error: ${message}`, { exitCode: EXIT.usage })
}

function configurationOf(env: Environment, file: SettingsFile | undefined, command: Command): Configuration {
  try {
    return loadConfiguration(env, { file })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return fail(command, error.message)
  }
}
