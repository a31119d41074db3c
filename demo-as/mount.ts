import type { IncomingMessage } from 'node:http'
import type { Branding, Site } from './pages/branding.ts'

export const STYLESHEET_PATH = '/oauth/assets/style.css'
export const ICON_PATH = '/oauth/assets/icon.svg'
/** Of the operator, where there is one. */
export const LOGO_PATH = '/oauth/assets/logo'

/** Path below which a server stands, from its issuer: empty for an origin, `/team-a` for `https://example.com/team-a`. */
export function mountOf(issuer: string | URL): string {
  return new URL(issuer).pathname.replace(/\/$/, '')
}

/**
 * The path of a request as this server knows it. A proxy in front may have taken the mount away, or not; and the mount follows the names
 * of the documents that RFC 8414 §3.1 puts at the root of the host.
 */
export function withoutMount(path: string, mount: string): string {
  if (path.startsWith(`${mount}/`)) return path.slice(mount.length)
  if (path.startsWith('/.well-known/') && path.endsWith(mount)) return path.slice(0, path.length - mount.length)
  return path
}

/**
 * Name of a cookie that goes to the whole host, as the prefix `__Host-` demands: another server below another path of it has cookies of its
 * own.
 */
export function cookieName(issuer: string | URL, name: string): string {
  return name + mountOf(issuer).replace(/[^\w.-]/g, '-')
}

/** A request whose `url` begins after the mount, as that of every framework that mounts handlers. */
export type MountedRequest = IncomingMessage & { baseUrl?: string; [BRANDING]?: Branding }

const BRANDING = Symbol('branding')

/** Where the server stands that a request has reached. */
export const mountedAt = (request: MountedRequest): string => request.baseUrl ?? ''

/** What pages that answer a request are rendered for. */
export function siteOf(request: MountedRequest): Site {
  const mount = mountedAt(request)
  const branding = request[BRANDING] ?? {}
  return {
    mount,
    branding,
    stylesheet: mount + STYLESHEET_PATH,
    picture: mount + (branding.logo ? LOGO_PATH : ICON_PATH),
  }
}

/** Takes the mount off a request. @param branding - Of the pages that answer it. */
export function enterMount(request: MountedRequest, mount: string, branding: Branding): void {
  const { url = '' } = request
  const end = url.indexOf('?')
  const path = end < 0 ? url : url.slice(0, end)
  request.url = withoutMount(path, mount) + url.slice(path.length)
  request.baseUrl = mount
  request[BRANDING] = branding
}
