import { providerNamed, recognizeProvider } from '../adapters/index.ts'
import type { Adapter } from '../src/adapter.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import { readJsonFile } from './files.ts'
import { providerFiles } from './provider-files.ts'
import type { Settings } from './settings.ts'

/** Where a provider's configuration stands: in a file of ours, in one of the user's own, or in their code. */
export interface Source {
  /** For messages: `config/auth0.json`, the user's own path, or `providers.0`. */
  readonly label: string
  /** Absent: it is the user's own file at {@link label}. */
  readonly content?: Readonly<Record<string, unknown>>
  /** Given in code. */
  readonly adapter?: Adapter
  /** What the file in `config/` is for: the provider's name, and its own name for people. */
  readonly provider?: { readonly name: string; readonly title: string }
}

export function providerSources(settings: Settings, problems: ConfigProblem[]): Source[] {
  const { AUTH_CONFIG, AUTH_PROVIDER, AUTH_METADATA_URL, AUTH_SHADOW } = settings
  if (AUTH_CONFIG.length > 0 && AUTH_PROVIDER.length > 0) {
    problems.push({ setting: 'AUTH_CONFIG', problem: 'and AUTH_PROVIDER are both set; keep one' })
  }
  if (AUTH_CONFIG.length > 0) return AUTH_CONFIG.map(sourceAt)
  // Beside a shadow the URL is the shadow's.
  const names = AUTH_PROVIDER.length > 0 ? AUTH_PROVIDER : [recognized(AUTH_SHADOW ? undefined : AUTH_METADATA_URL)]
  return [...new Set(names)].map(sourceNamed)
}

export function shadowSource(
  { AUTH_SHADOW }: Settings,
  inForce: readonly Source[],
  problems: ConfigProblem[],
): Source | undefined {
  if (AUTH_SHADOW === undefined) return undefined
  const source = AUTH_SHADOW.endsWith('.json') ? sourceAt(AUTH_SHADOW) : sourceNamed(AUTH_SHADOW)
  if (inForce.every(({ label }) => label !== source.label)) return source
  problems.push({
    setting: 'AUTH_SHADOW',
    problem: `is already active (AUTH_PROVIDER, AUTH_CONFIG); remove it from one of the two`,
  })
  return undefined
}

/** The one that `AUTH_METADATA_URL` is meant for. The demo authorization server has AUTH_SERVER_URL, so it steps back. */
export function addressedSource(
  { AUTH_METADATA_URL }: Settings,
  sources: readonly Source[],
  problems: ConfigProblem[],
): Source | undefined {
  const demo = sourceNamed('demo').label
  const candidates = sources.length === 1 ? sources : sources.filter(({ label }) => label !== demo)
  if (candidates.length > 1 && AUTH_METADATA_URL !== undefined) {
    problems.push({
      setting: 'AUTH_METADATA_URL',
      problem: 'cannot be meant for several providers; use the settings of each, or files of your own (AUTH_CONFIG)',
    })
  }
  return candidates.length === 1 ? candidates[0] : undefined
}

const sourceAt = (path: string): Source => ({ label: path })

export function sourceNamed(name: string): Source {
  return { label: `config/${name}.json`, content: providerFiles[name] ?? {}, provider: providerNamed(name) }
}

function recognized(metadataUrl: string | undefined): string {
  return metadataUrl === undefined ? 'demo' : recognizeProvider(new URL(metadataUrl)).name
}

/** A copy, which may be changed. */
export function contentOf({ label, content }: Source, problems: ConfigProblem[]): Record<string, unknown> | undefined {
  if (content) return { ...content }
  const file = readJsonFile(label)
  if ('problem' in file) {
    problems.push({ setting: 'AUTH_CONFIG', problem: `${label} ${file.problem}` })
    return undefined
  }
  const { value } = file
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  problems.push({ setting: label, problem: 'must hold a JSON object' })
  return undefined
}
