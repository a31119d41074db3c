import type { ProviderConsole } from '../src/provider-console.ts'
import { providerConsole as auth0 } from './auth0/console.ts'
import { providerConsole as azure } from './azure/console.ts'
import { providerConsole as demo } from './demo/console.ts'
import { providerConsole as github } from './github/console.ts'
import { providerConsole as google } from './google/console.ts'
import { providerConsole as introspection } from './introspection/console.ts'
import { providerConsole as oidc } from './oidc/console.ts'
import { providerConsole as okta } from './okta/console.ts'
import { providerConsole as userinfo } from './userinfo/console.ts'

/** The console of every provider, by the name of its adapter. For commands: servers must not load it. */
export const consoles: Readonly<Record<string, ProviderConsole>> = {
  auth0,
  azure,
  demo,
  github,
  google,
  introspection,
  oidc,
  okta,
  userinfo,
}
