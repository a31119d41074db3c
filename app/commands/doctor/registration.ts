import type { Probe } from './probe.ts'
import type { Metadata } from './tenant.ts'

/** Whether clients may register themselves, as far as a trial can tell. */
export type RegistrationTrial = { readonly open: true } | { readonly open: false; readonly seen: string }

/** Errors of a registration that is open, to a request without redirect URIs (RFC 7591 §3.2.2). */
const OPEN = ['invalid_redirect_uri', 'invalid_client_metadata', 'invalid_request']

/**
 * Asks for a registration that no server grants, one without redirect URIs, so that the trial leaves nothing behind. Metadata alone
 * does not tell: Auth0 and Okta name an endpoint that refuses clients.
 *
 * @param endpoint - A URL that may be called.
 */
export async function tryRegistration(endpoint: string, probe: Probe): Promise<RegistrationTrial> {
  const answer = await probe(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ redirect_uris: [], client_name: 'idplug doctor' }),
  })
  if (answer.outcome === 'failed') return { open: false, seen: `${answer.detail} at ${answer.url}` }
  const { error, message } = answer.json ?? {}
  if (answer.status === 201 || OPEN.includes(String(error))) return { open: true }
  const words = [error, message].filter(text => typeof text === 'string').join(': ')
  return { open: false, seen: `status ${answer.status} at ${answer.url}${words && `: ${words}`}` }
}

/**
 * Whether clients without a secret are taken. Clients look before they use a document of theirs; what is absent means
 * client_secret_basic alone (RFC 8414 §2).
 */
export function takesPublicClients({ token_endpoint_auth_methods_supported: methods }: Metadata): boolean {
  return Array.isArray(methods) && methods.includes('none')
}
