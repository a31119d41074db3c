import { paint, WIDTH, wrap } from '../../terminal-text.ts'
import { type Assessment, type AssessmentOptions, assess, duration } from './assessment.ts'
import { parseMetrics, type Sample } from './metrics-text.ts'

const INDENT = 18
const TRIES = 4
const PAUSE_MILLISECONDS = 500

/** The metrics cannot be read, in a sentence with what to do. */
export class MetricsError extends Error {}

/**
 * Reads the metrics of every process and judges them. A provider is asked by each look and shown by the next, so a look that shows
 * one as not ready is repeated before it counts.
 *
 * @param urls - Metrics pages, one of each process.
 * @param options - `token`: what they ask for. Default: nothing.
 * @throws {MetricsError}
 */
export async function migrationStatus(
  urls: readonly string[],
  fetch: typeof globalThis.fetch,
  { token, ...options }: AssessmentOptions & { token?: string | undefined },
): Promise<Assessment> {
  for (let tries = 1; ; tries++) {
    const assessment = assess(await Promise.all(urls.map(url => readMetrics(url, fetch, token))), options)
    if (tries === TRIES || assessment.providers.every(({ ready }) => ready)) return assessment
    await new Promise(resolve => setTimeout(resolve, PAUSE_MILLISECONDS))
  }
}

async function readMetrics(url: string, fetch: typeof globalThis.fetch, token: string | undefined): Promise<Sample[]> {
  const headers = token === undefined ? undefined : { Authorization: `Bearer ${token}` }
  const response = await fetch(url, { headers }).catch((error: Error) => {
    const { cause } = error as { cause?: { code?: string } }
    throw new MetricsError(`${url} cannot be reached (${cause?.code ?? error.message}). Is the server running?`)
  })
  const samples = response.ok ? parseMetrics(await response.text()) : []
  if (samples.some(({ name }) => name === 'idplug_provider_ready')) return samples
  if (response.status === 401) {
    throw new MetricsError(`${url} asks for a token (status 401); set METRICS_TOKEN to that of the server.`)
  }
  throw new MetricsError(
    `${url} holds no metrics of this server (status ${response.status}); name its /metrics, which may have a port of its own (METRICS_PORT).`,
  )
}

const PHASES: Record<Assessment['phase'], string> = {
  one: 'One provider in force',
  shadow: 'A new provider is tried out in the shadow',
  both: 'Both providers are in force',
}

/** The assessment for people, within 80 columns. */
export function statusText(
  { phase, since, providers, combinations, next, safe, findings }: Assessment,
  now: number,
): string {
  const paragraphs = [
    paint('bold', `${PHASES[phase]}. Counting for ${duration(now - since)}.`),
    providers.map(provider => `  ${providerLine(provider, now)}`).join('\n'),
    combinations.map(combination => `  ${combinationLine(combination)}`).join('\n'),
    findings.map(finding => bullet(finding, safe)).join('\n'),
    next === undefined ? '' : `${safe ? paint('green', 'Safe now:') : 'Not yet: '} ${paint('bold', next)}`,
  ]
  return paragraphs.filter(Boolean).join('\n\n')
}

function providerLine(
  { name, role, ready, accepted, lastAcceptedAt }: Assessment['providers'][number],
  now: number,
): string {
  const state = role === 'shadow' ? 'in the shadow' : 'in force'
  const seen = lastAcceptedAt === undefined ? '' : `, the last ${duration(now - lastAcceptedAt)} ago`
  const served = role === 'shadow' ? '' : `, ${accepted} requests accepted${seen}`
  const line = `${state}, ${ready ? 'can be reached' : 'cannot be reached'}${served}`
  const color = ready ? 'reset' : 'red'
  return `${name.padEnd(INDENT - 3)} ${paint(color, wrap(line, WIDTH - INDENT).join(`\n${' '.repeat(INDENT)}`))}`
}

function combinationLine({ active, shadow, reason, count }: Assessment['combinations'][number]): string {
  const side = (verdict: string) => verdict.replace('_', ' ')
  const cause = reason === '' ? '' : ` (${reason})`
  return `${String(count).padStart(7)}  in force: ${side(active).padEnd(12)} shadow: ${side(shadow)}${cause}`
}

function bullet(finding: string, good: boolean): string {
  return `${good ? paint('green', '✓') : paint('yellow', '!')} ${wrap(finding, WIDTH - 2).join('\n  ')}`
}
