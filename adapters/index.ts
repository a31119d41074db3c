import type { Adapter } from '../src/adapter.ts'
import { auth0 } from './auth0/index.ts'
import { azure } from './azure/index.ts'
import { demo } from './demo/index.ts'
import { github } from './github/index.ts'
import { google } from './google/index.ts'
import { introspection } from './introspection/index.ts'
import { oidc } from './oidc/index.ts'
import { okta } from './okta/index.ts'

/** Every adapter, in the order in which they are asked whether they recognise a metadata URL. */
export const adapters: readonly Adapter[] = [auth0, azure, demo, github, google, introspection, oidc, okta]

export function adapterNamed(name: string): Adapter | undefined {
  return adapters.find(adapter => adapter.name === name)
}

/** The adapter that recognises a metadata URL or issuer; else the generic one. */
export function recognizeAdapter(url: URL): Adapter {
  const plain = new URL(url)
  plain.hostname = url.hostname.replace(/\.$/, '') // the root's dot makes no other host
  return adapters.find(adapter => adapter.recognizes?.(plain)) ?? oidc
}
