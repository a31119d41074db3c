import { recognizeProvider } from '../adapters/index.ts'
import type { Adapter } from '../src/adapter.ts'

/**
 * What is wrong where the metadata URL is plainly that of another provider than the chosen one, as that of Auth0 beside
 * `AUTH_PROVIDER=okta`: everything else that could be said about it would lead astray.
 *
 * @returns The end of a sentence about the setting of the URL; `undefined` where the two fit, or nobody can tell.
 */
export function urlOfOtherProvider(metadataUrl: unknown, chosen: Adapter): string | undefined {
  // A provider that is known by no URL, like oidc, may be at any.
  if (!chosen.recognizes || typeof metadataUrl !== 'string' || !URL.canParse(metadataUrl)) return undefined
  const { name, title, adapter } = recognizeProvider(new URL(metadataUrl))
  if (!adapter.recognizes || adapter.name === chosen.name) return undefined
  return `is a URL of ${title}, but the chosen provider is ${chosen.title}: set AUTH_PROVIDER=${name}, or the URL to that of ${chosen.title}`
}
