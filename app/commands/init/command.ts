import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError, createProviderFetch } from 'idplug'
import { providerNamed, providerNames } from 'idplug/adapters'
import { consoles, isLoopback, type ServerToSetUp } from 'idplug/internal'
import { loadDeclarations, scopesOf } from '../../declarations.ts'
import { paint, WIDTH, wrap } from '../../terminal-text.ts'
import { examineTenants } from '../doctor/doctor.ts'
import { findingsText, summaryText } from '../doctor/report.ts'
import { EXIT } from '../exit.ts'
import { UnwritableValueError } from './env-file.ts'
import { type Initialized, initialize, PROVIDERS } from './init.ts'
import { CancelledError, terminalQuestions } from './terminal.ts'

interface InitCommandOptions {
  provider?: string
  url?: string
  publicUrl?: string
  shadow?: boolean
  yes?: boolean
  json?: boolean
}

const EXAMPLES = `
Examples:
  idplug init                                    asks for everything
  idplug init --url https://tenant.eu.auth0.com  tells the provider by its URL
  AUTH0_DOMAIN=tenant.eu.auth0.com idplug init --provider auth0 --yes
                                                 asks nothing
  idplug init --provider okta --shadow           tries it out beside the present
                                                 provider (docs/migration.md)

Secrets go to .secrets/, a file each that only you can read; keep it and .env
out of version control. An .env that is there is added to; where it has other
values you are asked first, and with --yes the result is .env.new.

Exit codes: 0 the provider answers and nothing is wrong, 1 something is wrong
(idplug doctor says it again), 2 wrong arguments, or a setting is missing.`

export function registerInit(program: Command): void {
  program
    .command('init')
    .description('from nothing to a running configuration')
    .addOption(
      new Option('--provider <name>', 'provider').choices([
        ...PROVIDERS,
        ...providerNames.filter(name => !PROVIDERS.includes(name)),
      ]),
    )
    .option('--url <url>', 'its metadata URL or issuer', webUrl)
    .option('--public-url <origin>', 'origin of your MCP server', webUrl)
    .option('--shadow', 'try the provider out beside the present one')
    .option('--yes', 'ask nothing: take settings from the environment')
    .option('--json', 'print what was written and found as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: InitCommandOptions, command: Command) => {
      try {
        process.exitCode = await init(options)
      } catch (error) {
        if (error instanceof CancelledError) process.exitCode = EXIT.usage
        else if (error instanceof ConfigError || error instanceof UnwritableValueError) {
          command.error(`error: ${error.message}`, { exitCode: EXIT.usage })
        } else throw error
      }
    })
}

async function init({ yes, json, ...options }: InitCommandOptions): Promise<number> {
  const asks = !yes && process.stdin.isTTY && process.stdout.isTTY
  const questions = asks ? terminalQuestions() : undefined
  const done = await initialize({ ...options, folder: '.', env: process.env, questions, say: console.error })
  const server = { resource: publicResource(done.resource), scopes: scopesOf(loadDeclarations(done.env)) }
  const steps = stepsOf(done.provider, server)
  if (!json) console.log(writtenText(done, steps))
  const findings = await examineTenants(done.env, { fetch: createProviderFetch(done.env), now: Date.now })
  if (json) {
    const { provider, resource, file, secretFiles } = done
    console.log(JSON.stringify({ provider, resource, file, secretFiles, steps, findings }, null, 2))
  } else {
    console.log([paint('bold', 'What idplug doctor says'), findingsText(findings), summaryText(findings)].join('\n\n'))
  }
  return findings.some(({ severity }) => severity === 'error') ? EXIT.found : EXIT.fine
}

/** An identifier in a console is to last: that of this machine is none to register. */
function publicResource(resource: string): string {
  const { hostname, pathname } = new URL(resource)
  return isLoopback(hostname) ? `PUBLIC_URL${pathname}` : resource
}

const START = ['Start the notes server with npx idplug, or your own server with', 'node --env-file=.env server.ts.']

const NO_PUBLIC_URL =
  'PUBLIC_URL is not set: the server is only reached on this machine. Providers know it by its URL, and some never let that be changed, so run idplug init --public-url https://… first, and put that URL in place of PUBLIC_URL below.'

/** In the words of the provider's console; a product that is settings alone has a section of its own. */
function stepsOf(provider: string, server: ServerToSetUp): readonly string[] {
  const { name = '', title, adapter } = providerNamed(provider) ?? {}
  const steps = consoles[adapter?.name ?? '']?.steps(server) ?? []
  return adapter === undefined || adapter.name === name
    ? steps
    : [...steps, `In the words of ${title}: docs/providers/presets.md#${name}`]
}

const NOTES_SCOPES =
  'No setting names your own server (AUTH_RESOURCE), so these are the scopes and the endpoint of the notes server: put yours in their place.'

function writtenText({ provider, resource, file, secretFiles, env }: Initialized, steps: readonly string[]): string {
  const title = (providerNamed(provider)?.title ?? provider).replace(/^The /, 'the ')
  const beside = file.endsWith('.new') ? ' The .env that was there is as it was; compare the two.' : ''
  const lines = [
    paint('bold', `Written: ${[file, ...secretFiles].join(', ')}.${beside}`),
    '',
    ...(publicResource(resource) === resource ? [] : [...wrap(NO_PUBLIC_URL, WIDTH), '']),
    `In the console of ${title}, for ${publicResource(resource)}:`,
    ...steps.map((step, index) => `  ${index + 1}. ${wrap(step, WIDTH - 5).join('\n     ')}`),
    '',
    ...(env.AUTH_RESOURCE ? [] : [...wrap(NOTES_SCOPES, WIDTH), '']),
    ...START,
    '',
  ]
  return steps.length > 0 ? lines.join('\n') : [lines[0], '', ...START, ''].join('\n')
}

function webUrl(value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value
  throw new InvalidArgumentError('It must be a URL that starts with https:// (or http:// on localhost).')
}
