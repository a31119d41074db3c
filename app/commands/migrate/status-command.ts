import { type Command, InvalidArgumentError } from 'commander'
import { ConfigError, type ConfigProblem, createProviderFetch } from 'idplug'
import { type Environment, readSecret } from 'idplug/internal'
import { readEnvironment } from '../../environment.ts'
import { EXIT } from '../exit.ts'
import { type Invocation, run } from './invocation.ts'
import { migrationStatus, statusText } from './status.ts'

const DAY_SECONDS = 86_400

const EXAMPLES = `
Examples:
  idplug migrate status                          the server on this machine
  idplug migrate status http://10.0.0.1:3232/metrics http://10.0.0.2/metrics
                                                 all processes of a server
  idplug migrate status --quiet 14d --json

Where /metrics asks for a token, set METRICS_TOKEN.

Exit codes: 0 the next step is safe, 1 not yet, 2 wrong arguments.`

export function registerStatus(migrate: Command): void {
  migrate
    .command('status')
    .description('say where the move stands and whether the next step is safe')
    .argument('[urls...]', 'metrics of the processes; default: of this machine', httpUrls)
    .option('--quiet <time>', 'time without tokens of the old provider: 30m, 12h, 7d', seconds, 7 * DAY_SECONDS)
    .option('--json', 'print the assessment as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run(status))
}

interface StatusOptions {
  quiet: number
  json?: boolean
}

async function status({ options, urls }: Invocation<StatusOptions>): Promise<number> {
  // Who names a server does not want a file to say what is sent to it.
  const { env }: { env: Environment } = urls.length > 0 ? process : readEnvironment('command')
  const pages = (urls.length > 0 ? urls : [ownUrl(env)]).map(url =>
    isMetrics(url) ? url : new URL('/metrics', url).href,
  )
  const now = Date.now() / 1000
  const token = tokenOf(env)
  const fetch = createProviderFetch(process.env)
  const assessment = await migrationStatus(pages, fetch, { now, quietSeconds: options.quiet, token })
  console.log(options.json ? JSON.stringify(assessment, null, 2) : statusText(assessment, now))
  return assessment.safe ? EXIT.fine : EXIT.found
}

const ownUrl = ({ METRICS_PORT, PORT }: Environment) => `http://localhost:${METRICS_PORT || PORT || 3232}`

/** @throws {ConfigError} The file that holds it cannot be read. */
function tokenOf(env: Environment): string | undefined {
  const problems: ConfigProblem[] = []
  const token = readSecret('METRICS_TOKEN', env, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return token
}

function httpUrls(value: string, before: readonly string[] = []): readonly string[] {
  // Metrics are read inside one's own network, where http is what there is.
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new InvalidArgumentError('It must be a URL that starts with http:// or https://.')
  }
  return [...before, value]
}

function isMetrics(url: string): boolean {
  return new URL(url).pathname.endsWith('/metrics')
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: DAY_SECONDS }

function seconds(value: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(value) ?? []
  if (count === undefined) throw new InvalidArgumentError('Write it like 30m, 12h or 7d.')
  return Number(count) * (UNIT_SECONDS[unit ?? ''] ?? 0)
}
