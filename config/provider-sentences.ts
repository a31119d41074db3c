import type { z } from 'zod'
import type { Adapter } from '../src/adapter.ts'
import { providerOptions, unknownMembers } from '../src/adapter-options.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import type { Expansion } from './references.ts'

/** The page about providers, for problems. */
export const SEE_PROVIDERS = 'docs/providers.md'

/** What is wrong with an option. What stands there already is not repeated: it may be a secret put into the wrong place. */
export function sentence(issue: z.core.$ZodIssue, adapter: Adapter, place: string): string {
  // The schema of a third-party adapter may come from another copy of zod and so without our sentence.
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    return unknownMembers(issue.keys, Object.keys(adapter.options.shape), adapter.title)
  }
  if (issue.code === 'unrecognized_keys') return issue.message
  const description = describe(adapter, place)
  if (isMissing(issue)) {
    return `is missing${description ? `: ${description}` : ''}`
  }
  return withDescription(issue.message, adapter, place)
}

export function withDescription(message: string, adapter: Adapter, place: string): string {
  const description = describe(adapter, place)
  // What it may be is said once.
  const isSaid = description?.includes(message.replace(/^must be /, ''))
  return description && !isSaid ? `${message}. It is: ${description}` : message
}

/** @param part - What the setting is a part of, where it is not all of the option. */
export function unsetSentence(adapter: Adapter, places: readonly string[], part?: string): string {
  const whole = places.map(place => describe(adapter, place)).find(Boolean)
  // A realm is no URL, though that of the metadata holds it.
  const ofPart =
    whole === providerOptions.shape.metadataUrl.description ? part : [part, whole].filter(Boolean).join('. ')
  const description = part ? ofPart : whole
  const otherwise = places.includes('metadataUrl') ? ', unless AUTH_METADATA_URL is set' : ''
  return `is not set. ${adapter.title} needs it for ${places.join(', ')}${otherwise}${description ? `: ${description}` : ''}`
}

/** A member that the schema needs, or that one of its rules does. */
export function isMissing({ code, message }: z.core.$ZodIssue): boolean {
  return (code === 'invalid_type' && message.endsWith('received undefined')) || message === 'is not set'
}

/** @param textAt - What the provider's file says at a place, with references to settings. */
export function reportReferences(
  { missing, noHosts }: Pick<Expansion, 'missing' | 'noHosts'>,
  textAt: (place: string) => unknown,
  adapter: Adapter,
  problems: ConfigProblem[],
): void {
  for (const setting of noHosts.keys()) {
    const problem =
      'must be a host name alone, like auth.example.com, or one part of a path: no https:// before it, no slash or path after it'
    problems.push({ setting, problem, see: SEE_PROVIDERS })
  }
  for (const [setting, places] of missing) {
    problems.push({
      setting,
      problem: unsetSentence(adapter, places, partOf(setting, places, textAt)),
      see: SEE_PROVIDERS,
    })
  }
}

/** `the part KEYCLOAK_REALM of https://KEYCLOAK_URL/realms/KEYCLOAK_REALM`; nothing where the setting is the whole. */
function partOf(setting: string, places: readonly string[], textAt: (place: string) => unknown): string | undefined {
  const written = places.map(textAt).find(value => typeof value === 'string') ?? ''
  // Where a setting for the whole comes first, the parts are in its default.
  const [, byDefault] = /^\$\{\w+:-([^{}]*(?:\$\{[^{}]*\}[^{}]*)+)\}$/.exec(written) ?? []
  const text = byDefault ?? written
  if (text === '' || /^\$\{[^{}]*\}$/.test(text)) return undefined
  const shown = text.replace(/\$\{\w+:-([^{}]+)\}/g, '$1').replace(/\$\{(\w+)[^{}]*\}/g, '$1')
  return `the part ${setting} of ${shown}`
}

/** What an option is, or the member of one: each grant has two. */
export function describe(adapter: Adapter, place: string): string | undefined {
  const [option = '', , member] = place.split('.')
  const schema: Described | undefined = adapter.options.shape[option]
  const list = schema?.unwrap?.() ?? schema
  return (member && (list?.element ?? list)?.shape?.[member]?.description) || schema?.description
}

/** What a schema of any copy of zod may have. */
interface Described {
  readonly description?: string
  /** Of what has a default. */
  unwrap?(): Described
  /** Of a list. */
  readonly element?: Described
  /** Of an object. */
  readonly shape?: Readonly<Record<string, Described>>
}
