import type Provider from 'oidc-provider'
import { type ClientMetadata, errors } from 'oidc-provider'
import { absoluteUrlProblem } from '../absolute-url.ts'
import { clipped } from '../pages/html.ts'
import type { ProtectedResource, Resources } from '../resources.ts'
import { namedScopes } from '../scopes.ts'

/** How this server knows the client with an id. */
export type ClientKind =
  /** The operator set it up. */
  | 'configured'
  /** It publishes a Client ID Metadata Document at the address that is its id. */
  | 'document'
  /** The id is an address, but not one that a document can have as its id. There is no such client. */
  | 'misspelled'
  /** All other ids: the client registered itself, or does not exist. */
  | 'registered'

/**
 * The one place that decides what kind of client an id stands for. Every rule that depends on the kind asks here;
 * {@link refuseMisspelledIds} keeps oidc-provider to the same answer.
 */
export interface ClientKinds {
  kindOf(clientId: string): ClientKind
  /**
   * The most that a client may have in its own name, where no person decides. Only the operator's configuration can raise it above the
   * default scopes of the resource; nothing that a client registers or publishes is read.
   */
  scopesWithoutPerson(clientId: string, resource: ProtectedResource): readonly string[]
  /** Whether people are signed in for the client without being asked about it. */
  isTrusted(clientId: string): boolean
}

/** A client that the operator set up, in RFC 7591 members. Its `scope` is what it may have in its own name. */
export type OperatorClient = ClientMetadata & {
  /** Whether people are signed in for it without being asked. Default false. */
  trusted?: boolean
}

export function createClientKinds(resources: Resources, clients: readonly OperatorClient[]): ClientKinds {
  const scopes = new Map<string, string | undefined>()
  for (const { clientId } of resources.all) scopes.set(clientId, undefined)
  for (const { client_id, scope } of clients) scopes.set(client_id, scope)
  const trusted = new Set(clients.filter(({ trusted }) => trusted).map(({ client_id }) => client_id))

  return {
    kindOf(clientId) {
      if (scopes.has(clientId)) return 'configured'
      if (!isWebAddress(clientId)) return 'registered'
      return documentUrlProblem(clientId) === undefined ? 'document' : 'misspelled'
    },

    isTrusted: clientId => trusted.has(clientId),

    scopesWithoutPerson(clientId, resource) {
      const scope = scopes.get(clientId)
      return scope === undefined ? resource.defaultScopes : namedScopes(scope, Object.keys(resource.scopes))
    },
  }
}

/** Whether a URL parser would take the text for an address on the web, however it is spelled. */
function isWebAddress(text: string): boolean {
  const protocol = URL.parse(text)?.protocol
  return protocol === 'https:' || protocol === 'http:'
}

/**
 * Says why an address cannot be the id of a metadata document, or `undefined`. One document has one id: https, with a path, and spelled
 * as the URL parser would write it.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/ section 3
 */
function documentUrlProblem(clientId: string): string | undefined {
  const problem = absoluteUrlProblem(clientId)
  if (problem) return problem
  const { protocol, href } = new URL(clientId)
  if (protocol !== 'https:') return 'is not https'
  return href === clientId ? undefined : 'has no path'
}

/** Keeps misspelled ids from oidc-provider, which would fetch documents from addresses in more than one spelling. */
export function refuseMisspelledIds({ Client }: Provider, { kindOf }: Pick<ClientKinds, 'kindOf'>): void {
  const find = Client.find.bind(Client)
  Client.find = async id => {
    if (typeof id === 'string' && kindOf(id) === 'misspelled') {
      throw new errors.InvalidClient(`client_id ${clipped(documentUrlProblem(id) ?? '', 300)}`)
    }
    return find(id)
  }
}
