import { people } from '../../../adapters/people.ts'
import type { Identification, Upstream } from '../../../demo-as/upstream/upstream.ts'

export const CALLBACK = 'https://as.example/oauth/callback'
export const REQUEST = { state: 'the-state', redirectUri: CALLBACK }

/** For tests of which nothing depends on what is kept. */
export const keep = async () => {}

/** Options of an OpenID Connect upstream at which everybody may read notes. */
export const OPENID = {
  preset: people.oidc.signIn,
  timeoutSeconds: 5,
  scopes: [],
  groupsClaim: 'groups',
  rolesClaim: 'roles',
  rules: { allow: ['everyone'], grants: [{ scopes: ['notes:read'], to: ['everyone'] }] },
  maxAgeSeconds: 3600,
  now: Date.now,
}

interface Provider {
  fetch(url: string, init: RequestInit): Promise<Response>
}

/** Has somebody sign in at an emulated provider. @returns What the browser comes back with. */
export async function signInAt(upstream: Upstream, provider: Provider, login = 'ada') {
  const { url, memory } = await upstream.depart(REQUEST)
  const response = await provider.fetch(`${url}&login_hint=${login}`, { redirect: 'manual' })
  return { url: new URL(url), memory, answer: new URL(response.headers.get('location') ?? '').searchParams }
}

/** Has somebody sign in there, and takes the answer to the upstream. */
export async function identifyAt(upstream: Upstream, provider: Provider, login?: string): Promise<Identification> {
  const { answer, memory } = await signInAt(upstream, provider, login)
  return upstream.identify(answer, { ...REQUEST, memory, keep })
}

export function sessionOf(identified: Identification): unknown {
  if (identified.outcome !== 'signed_in') throw new Error(`not signed in: ${JSON.stringify(identified)}`)
  return identified.session
}
