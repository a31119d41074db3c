import { ConfigError } from './config-error.ts'
import { isSecureOrLoopback } from './url.ts'

/**
 * Canonical spelling of a `resource` identifier (RFC 8707 §2): scheme and host in lower case, no default port, and no
 * slash at the end, so that an origin is `https://mcp.example.com` and never `https://mcp.example.com/`.
 *
 * @throws {ConfigError} Not an absolute `https:` URL (`http:` on loopback), or it has a query, a fragment or credentials.
 */
export function canonicalResource(value: string, setting = 'PUBLIC_URL'): string {
  const problem = resourceProblem(value)
  if (problem) throw new ConfigError([{ setting, problem }])
  return new URL(value).href.replace(/\/$/, '')
}

/**
 * Identifier of an endpoint below a public URL.
 *
 * @param path - Of the endpoint, from its first slash on; `/` or nothing for the public URL itself.
 * @throws {ConfigError} As {@link canonicalResource}.
 */
export function resourceBelow(publicUrl: string, path: string): string {
  return canonicalResource(canonicalResource(publicUrl) + (path === '/' ? '' : path))
}

const MORE_THAN_A_PLACE = 'must not have a query, fragment or credentials (RFC 8707 section 2)'

/** Why a text cannot be a `resource` identifier, as the end of a sentence about it; `undefined` when it can. */
export function resourceProblem(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url) return 'is not an absolute URL; write it like https://mcp.example.com'
  if (!isSecureOrLoopback(url)) return 'must start with https:// (http:// is accepted only for localhost)'
  if (url.search || url.hash || url.username || url.password) return MORE_THAN_A_PLACE
  const written = /^[a-z]+:\/\/[^/]*(\/.*)?$/i.exec(value)?.[1]
  return written === undefined || written === '/' ? undefined : pathProblem(written)
}

/**
 * Why a path cannot be that of an endpoint, as the end of a sentence about it; `undefined` when it can. One that a URL parser would
 * change is refused: the server and the proxies in front of it would not agree on what it is.
 */
export function pathProblem(path: string): string | undefined {
  if (/[?#]/.test(path)) return MORE_THAN_A_PLACE
  if (/^\/\/|\\/.test(path)) return 'must begin with exactly one slash and have no backslash'
  const parsed = new URL(path, 'https://host.example').pathname
  return parsed === path ? undefined : `must be written as ${parsed}: no dot segments, no characters that need encoding`
}

/**
 * Every identifier under which clients and providers may name a server: each with and without a slash at the end, the canonical
 * one first.
 */
export function resourceSpellings({
  resource,
  furtherResources = [],
}: {
  readonly resource: string
  readonly furtherResources?: readonly string[]
}): [string, ...string[]] {
  return [resource, ...furtherResources].flatMap(identifier => {
    const bare = identifier.replace(/\/$/, '')
    return [bare, `${bare}/`]
  }) as [string, ...string[]]
}
