import type Provider from 'oidc-provider'
import type { Approvable } from './approvals.ts'
import type { ClientKind, ClientKinds } from './clients/client-kinds.ts'
import { findClient } from './clients/find-client.ts'
import { nowSeconds } from './clock.ts'
import type { ConsentPage, Destination, Vouching } from './pages/consent.ts'
import { clipped } from './pages/html.ts'
import type { Purpose } from './pages/purpose.ts'
import { redirectKindOf } from './redirect-uris.ts'
import type { ProtectedResource, Resources } from './resources.ts'
import { namedScopes, scopesIn } from './scopes.ts'
import type { SignedInUser } from './upstream/upstream.ts'

/** An authorization request that waits for its user. */
export interface AuthorizationRequest {
  interaction: InstanceType<Provider['Interaction']>
  client: InstanceType<Provider['Client']>
  clientKind: ClientKind
  resource: ProtectedResource
}

/** What oidc-provider needs to know of a request when it goes on with it. */
export interface WaitingRequest {
  uid: string
  /** Seconds since the Unix epoch. */
  exp: number
  returnTo: string
  params: AuthorizationRequest['interaction']['params']
  trusted?: string[]
  session?: AuthorizationRequest['interaction']['session']
  deviceCode?: string
  cid: string
}

/** The part of an interaction that has to be kept; the rest can be made from it, or serves nobody here. */
export function waitingRequest(interaction: AuthorizationRequest['interaction']): WaitingRequest {
  const { uid, exp, returnTo, params, trusted, session, deviceCode, cid } = interaction
  return { uid, exp, returnTo, params, trusted, session, deviceCode, cid }
}

/** The constructor, which the types of oidc-provider leave out. */
type InteractionClass = new (uid: string, payload: Omit<WaitingRequest, 'uid'>) => AuthorizationRequest['interaction']

/** @returns `undefined` when the request is too old, or its client is gone. */
export async function findRequest(
  { provider, resources, clientKinds }: { provider: Provider; resources: Resources; clientKinds: ClientKinds },
  { uid, ...waiting }: WaitingRequest,
): Promise<AuthorizationRequest | undefined> {
  if (waiting.exp <= nowSeconds()) return undefined
  const Interaction = provider.Interaction as unknown as InteractionClass
  const interaction = new Interaction(uid, waiting)
  const client = await findClient(provider, String(interaction.params.client_id))
  const resource = resources.find(String(interaction.params.resource))
  return client && resource && { interaction, client, clientKind: clientKinds.kindOf(client.clientId), resource }
}

/** The scopes that the request asks for, those of OpenID Connect among them. */
export function scopesOf({ interaction: { params } }: AuthorizationRequest): string[] {
  return [...scopesIn(params.scope)]
}

/** The scopes that the request asks for and the resource has. */
export function resourceScopesOf(request: AuthorizationRequest): string[] {
  return namedScopes(request.interaction.params.scope, Object.keys(request.resource.scopes))
}

/**
 * What the request as a whole can be granted by somebody who may not, or does not want to, grant all of it.
 *
 * @param chosen - Default: they want to.
 */
export function grantable(request: AuthorizationRequest, user: SignedInUser, chosen?: readonly string[]): string[] {
  return offered(request, user).filter(scope => chosen?.includes(scope) ?? true)
}

/** Whether that is anything. A request for no scope at all is for a server, or a token, that needs none. */
export function isGrantable(request: AuthorizationRequest, user: SignedInUser, chosen?: readonly string[]): boolean {
  return resourceScopesOf(request).length === 0 || grantable(request, user, chosen).length > 0
}

/** The scopes that a person is asked for. @param user - Whoever has signed in; nobody yet can turn out to be anybody. */
export function offered(request: AuthorizationRequest, user: SignedInUser | undefined): string[] {
  return resourceScopesOf(request).filter(scope => user?.scopes.includes(scope) ?? true)
}

/** Hands a result to oidc-provider. @returns Address at which it goes on where it stopped. */
export async function resume(
  { interaction }: AuthorizationRequest,
  result: AuthorizationRequest['interaction']['result'],
): Promise<string> {
  interaction.result = result
  await interaction.save(interaction.exp - nowSeconds())
  return interaction.returnTo
}

/** What the consent page says about a request. @param user - Whoever has signed in. */
export function describeRequest(request: AuthorizationRequest, user: SignedInUser | undefined) {
  const { resource } = request
  const available = offered(request, user)
  return {
    ...purposeOf(request),
    vouchedBy: vouchingOf(request),
    userName: user?.name,
    resource: resource.resource,
    scopes: resourceScopesOf(request).map(name => ({
      name,
      words: resource.scopes[name] ?? name,
      available: available.includes(name),
    })),
    identifies: scopesOf(request).includes('openid'),
    destination: destinationOf(request),
  } satisfies Partial<ConsentPage>
}

/** What somebody signs in for. */
export function purposeOf({ client, resource }: AuthorizationRequest): Purpose {
  return { clientName: displayName(client), resourceName: resource.name ?? resource.resource }
}

function vouchingOf({ client, clientKind }: AuthorizationRequest): Vouching {
  switch (clientKind) {
    case 'configured':
      return { kind: 'operator' }
    case 'document':
      return { kind: 'publisher', host: new URL(client.clientId).host }
    case 'registered':
    case 'misspelled':
      return { kind: 'nobody' }
  }
}

/**
 * What an approval of the request would be for. A browser does not tell whether a redirect led to an address that a program
 * opened, and a hostile authorization server could be behind that; so only clients count that registered here, whose ids a
 * stranger does not know.
 *
 * @returns `undefined` where every request has to be asked about: of other clients, of devices, and of clients that want it so.
 */
export function approvableOf(request: AuthorizationRequest): Approvable | undefined {
  const { interaction, client, clientKind, resource } = request
  if (clientKind !== 'registered' || interaction.deviceCode || wantsConsent(interaction.params.prompt)) return undefined
  const url = new URL(String(interaction.params.redirect_uri))
  return {
    clientId: client.clientId,
    destination: `${url.protocol}//${redirectKindOf(url) === 'loopback' ? url.hostname : url.host}`,
    resource: resource.resource,
    scopes: scopesOf(request),
  }
}

/** @param prompt - Of the request (OpenID Connect Core 1.0 §3.1.2.1). */
export function wantsConsent(prompt: unknown): boolean {
  return String(prompt ?? '')
    .split(' ')
    .includes('consent')
}

function destinationOf({ interaction }: AuthorizationRequest): Destination {
  if (interaction.deviceCode) return { kind: 'device' }
  const url = new URL(String(interaction.params.redirect_uri))
  const kind = redirectKindOf(url)
  return kind === 'scheme' ? { kind, scheme: url.protocol } : { kind, host: url.host }
}

/** What a client calls itself, fit for a page. */
export function displayName(client: { clientName?: string; clientId: string }): string {
  return clipped(client.clientName ?? '') || clipped(client.clientId)
}
