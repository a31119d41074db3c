import Provider, { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { displayName } from './authorization-request.ts'
import { DEVICE_PATH } from './device-flow.ts'
import { TemporarilyUnavailable } from './errors.ts'
import { insist } from './insist.ts'
import { mountOf, siteOf } from './mount.ts'
import { failurePage, heldBackPage, unreachablePage } from './pages/messages.ts'
import { isRegisteredRedirect, type RedirectLimits, redirectKindOf, redirectUriProblem } from './redirect-uris.ts'
import { normalizeParameters, type Parameters } from './request-parameters.ts'
import type { Resources } from './resources.ts'

export interface ExtensionOptions {
  resources: Resources
  /** Whether the operator set a client up. */
  isConfigured(clientId: string): boolean
  /** Told of each client that gets a token. */
  clientUsed(clientId: string): Promise<void>
  /** Whether clients may be told that they need not register. */
  documentsWork(): boolean
  /** Where a client may have people sent back to. */
  redirectLimits(clientId: string): RedirectLimits
}

/**
 * Rules of ours that oidc-provider has no option for. Each is set on objects that belong to the one instance.
 */
export function extendProvider(
  provider: Provider,
  { resources, isConfigured, clientUsed, documentsWork, redirectLimits }: ExtensionOptions,
): void {
  pinAddress(provider)
  prepareParameters(provider, resources)
  ruleRedirectUris(provider, redirectLimits)
  checkResourceBeforeUse(provider)
  allowGrantsWithoutScope(provider)
  leaveUnsavedSessions(provider)
  provider.use(async (context, next) => {
    const ctx = context as KoaContextWithOIDC
    prefillUserCode(ctx)
    try {
      await next()
      await forgetSession(ctx)
      // The tokens are given by now, whatever becomes of this.
      if (isNewGrant(ctx)) await insist(() => clientUsed(String(ctx.oidc.client?.clientId))).catch(() => {})
      holdBackError(ctx, isConfigured)
      publishWhatWorks(ctx, documentsWork)
      nameRefusedGrant(ctx)
    } catch (error) {
      answerFailure(ctx, error as Error, provider)
    }
    if (ctx.status === 503 && !ctx.response.get('retry-after')) ctx.set('retry-after', RETRY_SECONDS)
  })
  // Koa writes errors to the console itself unless somebody listens.
  provider.silent = true
}

const RETRY_SECONDS = '5'

/** What fails around oidc-provider's own handling of errors: Koa would take all headers away, and tell nobody. */
export function answerFailure(ctx: KoaContextWithOIDC, error: Error, provider: Provider): void {
  const isAway = error instanceof TemporarilyUnavailable
  if (isAway) ctx.set('retry-after', RETRY_SECONDS)
  if (!isAway) provider.emit('server_error', ctx, error)
  ctx.status = isAway ? 503 : 500
  if (ctx.accepts('json', 'html') === 'html') {
    ctx.type = 'html'
    ctx.body = (isAway ? unreachablePage(undefined) : failurePage()).render(siteOf(ctx.req))
  } else {
    const description = isAway ? error.error_description : 'Something went wrong here.'
    ctx.body = { error: isAway ? error.error : 'server_error', error_description: description }
  }
}

/** oidc-provider means to save the session of a form that came without one. */
function leaveUnsavedSessions({ Session }: Provider): void {
  const prototype = Session.prototype as unknown as { exp?: number; persist(): Promise<unknown> }
  const { persist } = prototype
  prototype.persist = async function () {
    return typeof this.exp === 'number' ? persist.call(this) : undefined
  }
}

/** Addresses that are published follow from the issuer, whatever the Host and X-Forwarded headers say. */
function pinAddress(provider: Provider): void {
  const { origin, host, protocol } = new URL(provider.issuer)
  const mount = mountOf(provider.issuer)
  Object.defineProperties(provider.request, {
    host: { get: () => host },
    protocol: { get: () => protocol.slice(0, -1) },
    href: {
      get(this: { originalUrl: string }) {
        return `${origin}${mount}${this.originalUrl}`
      },
    },
  })
  provider.OIDCContext.prototype.urlFor = (name, options) => provider.urlFor(name, options)
}

/** Sees the parameters of every request before oidc-provider does. */
function prepareParameters(provider: Provider, resources: Resources): void {
  const own = Symbol('params')
  Object.defineProperty(provider.OIDCContext.prototype, 'params', {
    get(this: { [own]?: Parameters }) {
      return this[own]
    },
    set(this: KoaContextWithOIDC['oidc'] & { ctx: KoaContextWithOIDC; [own]?: Parameters }, params: Parameters) {
      // Refused here for all, so that a caller without credentials learns nothing about the token.
      if (this.route === 'introspection' && !hasCredentials(this.ctx, params)) throw new errors.InvalidClientAuth()
      normalizeParameters(this.route, params, resources)
      this[own] = params
    },
  })
}

const hasCredentials = (ctx: KoaContextWithOIDC, params: Parameters) =>
  Boolean(ctx.get('authorization') || params.client_secret || params.client_assertion)

function ruleRedirectUris(provider: Provider, limitsOf: (clientId: string) => RedirectLimits): void {
  const issuer = new URL(provider.issuer)
  const Client = provider.Client as unknown as ClientClass
  type Schema = ClientClass['Schema']['prototype']
  Client.Schema.prototype.redirectUris = function (this: Schema, uris = this.redirect_uris) {
    for (const uri of uris) {
      const problem = redirectUriProblem(uri, issuer, limitsOf(this.client_id))
      if (problem) this.invalidate(`redirect_uris: ${uri} ${problem}`)
    }
  }
  Client.prototype.redirectUriAllowed = function (this: ClientClass['prototype'], uri) {
    return isRegisteredRedirect(uri, this.redirectUris, issuer, limitsOf(this.clientId))
  }
}

/** Members of oidc-provider's client class that its types leave out. */
interface ClientClass {
  prototype: { clientId: string; redirectUris: string[]; redirectUriAllowed(uri: string): boolean }
  Schema: {
    prototype: {
      client_id: string
      redirect_uris: string[]
      redirectUris(uris?: string[]): void
      invalidate(description: string): never
    }
  }
}

/** A code or refresh token is not spent on a request for a resource that it was not issued for. */
function checkResourceBeforeUse(provider: Provider): void {
  for (const Model of [provider.AuthorizationCode, provider.RefreshToken, provider.DeviceCode]) {
    const { consume } = Model.prototype
    Model.prototype.consume = async function () {
      const requested = Provider.ctx?.oidc.params?.resource
      if (requested !== undefined && ![this.resource].flat().includes(requested as string)) {
        throw new errors.InvalidTarget('the grant is for another resource')
      }
      await consume.call(this)
    }
  }
}

/**
 * A token can be good for a server without any scope. oidc-provider takes a grant without scopes for a refusal, also where the request
 * named none, or only that the person stays signed in, and the person consented; a space names no scope either, and is not nothing.
 */
function allowGrantsWithoutScope({ Grant }: Provider): void {
  const { getOIDCScopeFiltered } = Grant.prototype
  Grant.prototype.getOIDCScopeFiltered = function (filter) {
    const namesNone = [...filter].every(scope => scope === '' || scope === 'offline_access')
    return getOIDCScopeFiltered.call(this, filter) || (namesNone ? ' ' : '')
  }
}

/** `verification_uri_complete` fills in the form, where oidc-provider would have a script submit it. */
function prefillUserCode(ctx: KoaContextWithOIDC): void {
  if (ctx.method !== 'GET' || ctx.path !== DEVICE_PATH) return
  ctx.state.userCode = ctx.query.user_code
  ctx.querystring = ''
}

const isResume = (ctx: KoaContextWithOIDC) => /resume$/.test(String(ctx._matchedRouteName))

/** Whether a token was just given for something other than an earlier token. */
function isNewGrant(ctx: KoaContextWithOIDC): boolean {
  return ctx._matchedRouteName === 'token' && ctx.status === 200 && ctx.oidc.params?.grant_type !== 'refresh_token'
}

/** A session ends with the authorization that it was for: the next one asks the upstream again. */
async function forgetSession(ctx: KoaContextWithOIDC): Promise<void> {
  const session = ctx.oidc.session as (KoaContextWithOIDC['oidc']['session'] & { new?: boolean }) | undefined
  // One that was made for this request and not saved is not in the store.
  if (isResume(ctx) && session && (!session.new || session.exp !== undefined)) await session.destroy()
}

/**
 * An error before anybody was asked goes to the application at once only where that leads nobody astray: to a program on the same
 * computer, or where the operator set the application up.
 */
function holdBackError(ctx: KoaContextWithOIDC, isConfigured: (clientId: string) => boolean): void {
  const { client } = ctx.oidc
  const location = ctx.response.get('location')
  if (ctx._matchedRouteName !== 'authorization' || !client || !URL.canParse(location)) return
  const url = new URL(location)
  // A response type of before PKCE has its errors in the fragment, also where it is not supported.
  const answer = url.searchParams.has('error') ? url.searchParams : new URLSearchParams(url.hash.slice(1))
  const error = answer.get('error')
  if (error === null || redirectKindOf(url) === 'loopback' || isConfigured(client.clientId)) return
  ctx.remove('location')
  ctx.status = error === 'temporarily_unavailable' ? 503 : 400
  ctx.type = 'html'
  const description = answer.get('error_description') ?? ''
  ctx.body = heldBackPage(location, displayName(client), error, description).render(siteOf(ctx.req))
}

/** oidc-provider says `invalid_request` to a client that may not use a grant (RFC 6749 §5.2). */
function nameRefusedGrant(ctx: KoaContextWithOIDC): void {
  const refusal = ctx.body as { error?: string; error_description?: string } | undefined
  const isGrant = ['token', 'device_authorization'].includes(String(ctx._matchedRouteName))
  if (isGrant && ctx.status === 400 && refusal?.error_description?.endsWith('is not allowed for this client')) {
    refusal.error = 'unauthorized_client'
  }
}

/** oidc-provider names all that it has code for. */
function publishWhatWorks(ctx: KoaContextWithOIDC, documentsWork: () => boolean): void {
  if (ctx._matchedRouteName !== 'discovery') return
  const metadata = ctx.body as Record<string, unknown>
  metadata.response_modes_supported = ['query']
  if (!documentsWork()) delete metadata.client_id_metadata_document_supported
}
