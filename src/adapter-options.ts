import { z } from 'zod'
import { didYouMean } from './closest.ts'
import { isSecureOrLoopback } from './url.ts'

export const HTTPS_NEEDED = 'must be a URL that starts with https:// (http:// on localhost only)'

/** An absolute URL, `https:` or on loopback, without credentials and fragment. */
export const httpsUrl = urlWhere(isSecureOrLoopback)

/**
 * An absolute URL of the provider, without credentials and fragment. Whether `http:` may be asked there is decided where the
 * configuration is loaded, which knows the hosts that are named for it.
 */
export const providerUrl = urlWhere(({ protocol }) => /^https?:$/.test(protocol))

/**
 * Not `https://host` at the beginning, or a part that parsers leave out or repair: a provider that is known by such a text is never the
 * one that its metadata names.
 */
const ODD = /^(?!https?:\/\/[^/?@]+([/?]|$))|[\s\\#]|\/(\.|%2e){1,2}([/?]|$)/i

function urlWhere(isAllowed: (url: URL) => boolean): z.ZodString {
  const isGood = (text: string) => {
    const url = URL.parse(text)
    return url !== null && isAllowed(url) && !ODD.test(text)
  }
  return z.string().refine(isGood, { error: `${HTTPS_NEEDED}, without a user name, white space, #, \\ or /../` })
}

/**
 * Several texts: an array, or one string with commas or spaces between them, as environment variables have it. A string with
 * nothing but commas is an error: what was to stand there got lost.
 */
export const textList = z
  .union([z.string(), z.array(z.string().min(1))])
  .transform((value, context) => {
    if (typeof value !== 'string') return value
    const texts = value.split(/[\s,]+/).filter(Boolean)
    if (texts.length === 0 && value.trim() !== '') {
      context.addIssue({ code: 'custom', message: 'must name one at least' })
    }
    return texts
  })
  .pipe(z.array(z.string()))

/** Several texts, one at least. */
export const textListNonEmpty = textList.refine((list): list is [string, ...string[]] => list.length > 0, {
  error: 'must name one at least',
})

/** Name of the environment variable that holds a secret; `NAME_FILE` may name a file instead. */
export const secretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]*$/, { error: 'must be the name of an environment variable' })

/** `scope`, or a path into objects: `realm_access.roles`. */
export const claimPath = z.string().min(1).max(200)

/**
 * Whether a URL's host is one of the domains or below it. Compares whole labels: `notokta.com` and `okta.com.evil.example` are
 * neither.
 */
export function isHostWithin({ hostname }: URL, ...domains: readonly string[]): boolean {
  return domains.some(domain => hostname === domain || hostname.endsWith(`.${domain}`))
}

/** A switch, also as an environment variable spells it. */
export const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform(text => text === 'true')])

/** A whole number, also as an environment variable spells it. */
function wholeNumber(least: number, most: number) {
  return z
    .union([z.int(), z.string().regex(/^\d+$/, { error: 'must be a whole number' }).transform(Number)])
    .pipe(z.int().min(least).max(most))
}

/** How long a key counts that the provider no longer publishes. */
export function vanishedKeySeconds(byDefault: number) {
  return wholeNumber(0, 604_800)
    .default(byDefault)
    .describe(
      'Seconds that a signing key counts after the provider has stopped publishing it: a withdrawn key is refused that much later at the latest, and never sooner than a minute.',
    )
}

/** An object without unknown members. A misspelled one is answered with the name that was most likely meant. */
export function strictObject<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape, {
    error: issue =>
      issue.code === 'unrecognized_keys' ? unknownMembers(issue.keys as string[], Object.keys(shape)) : undefined,
  })
}

/** The sentence about members that an object does not know. */
export function unknownMembers(unknown: readonly string[], known: readonly string[], what = 'it'): string {
  const members = known.filter(name => name !== '$schema')
  return `has no option ${unknown.map(name => name + didYouMean(name, members)).join(', ')}; ${what} has ${members.join(', ')}`
}

/** What every provider's configuration has. Adapters extend it by their own. */
export const providerOptions = z.strictObject({
  $schema: z.string().optional().describe('For editors.'),
  adapter: z.string().describe('Name of the adapter.'),
  metadataUrl: providerUrl.describe('URL of the metadata document, or the issuer; both are accepted.'),
  scopePrefix: z
    .string()
    .default('')
    .describe(
      'Put before every scope that clients request, e.g. https://mcp.example.com/mcp/. Removed from what tokens say.',
    ),
  scopeNames: z
    .record(
      z.string(),
      strictObject({
        wire: z.string().optional().describe('What clients request.'),
        token: z
          .array(z.string())
          .optional()
          .describe('What a token says when it carries the scope. When given, nothing else counts.'),
      }),
    )
    .default({})
    .describe('Scopes that are called differently outside, by the name that tools require.'),
})
