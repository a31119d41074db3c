import type { Adapter } from '../src/adapter.ts'
import { closest } from '../src/closest.ts'
import { auth0 } from './auth0/index.ts'
import { azure } from './azure/index.ts'
import { demo } from './demo/index.ts'
import { github } from './github/index.ts'
import { google } from './google/index.ts'
import { introspection } from './introspection/index.ts'
import { oidc } from './oidc/index.ts'
import { productAt, products } from './oidc/products.ts'
import { okta } from './okta/index.ts'
import { userinfo } from './userinfo/index.ts'

// By name, for providers that are configured in code.
export { auth0, azure, demo, github, google, introspection, oidc, okta, userinfo }

/** Every adapter, in the order in which they are asked whether they recognise a metadata URL. */
export const adapters: readonly Adapter[] = [auth0, azure, demo, github, google, introspection, oidc, okta, userinfo]

export function adapterNamed(name: string): Adapter | undefined {
  return adapters.find(adapter => adapter.name === name)
}

/** What `AUTH_PROVIDER` can name: a file in `config/` of that name, and the adapter that the file is for. */
export interface NamedProvider {
  readonly name: string
  /** The provider's own name, for people. */
  readonly title: string
  readonly adapter: Adapter
}

/** One for each adapter, and the products that are settings alone. */
export const namedProviders: readonly NamedProvider[] = [
  ...adapters.map(adapter => ({ name: adapter.name, title: adapter.title, adapter })),
  ...products.map(({ name, title }) => ({ name, title, adapter: oidc })),
]

const OTHER_NAMES: Readonly<Record<string, string>> = { entra: 'azure' }

/** Every name that `AUTH_PROVIDER` takes. */
export const providerNames: readonly string[] = [...namedProviders.map(({ name }) => name), ...Object.keys(OTHER_NAMES)]

const WORDS: readonly (readonly [word: RegExp, name: string])[] = [
  [/^(microsoft|aad|ms-?entra)/, 'azure'],
  [/^(gsuite|gcp)/, 'google'],
]

/**
 * The provider that a name, which is none of {@link providerNames}, was most likely meant for: `auth0` by `auht0`, `azure` by `azure-ad`
 * or `microsoft`.
 */
export function providerMeantBy(text: string): string | undefined {
  const plain = text.toLowerCase()
  const begun = providerNames.find(name => plain.startsWith(name))
  return closest(plain, providerNames) ?? begun ?? WORDS.find(([word]) => word.test(plain))?.[1]
}

/** By any of its names. */
export function providerNamed(name: string): NamedProvider | undefined {
  const wanted = OTHER_NAMES[name] ?? name
  return namedProviders.find(provider => provider.name === wanted)
}

/** The provider that recognises a metadata URL or issuer; else the generic one. */
export function recognizeProvider(url: URL): NamedProvider {
  const plain = new URL(url)
  plain.hostname = url.hostname.replace(/\.$/, '') // the root's dot makes no other host
  const adapter = adapters.find(({ recognizes }) => recognizes?.(plain))
  return providerNamed(adapter?.name ?? productAt(plain)?.name ?? 'oidc') as NamedProvider
}
