import type { ConfigProblem } from '../src/config-error.ts'
import { canonicalResource, resourceBelow, resourceProblem } from '../src/resource.ts'
import { isLoopback } from '../src/url.ts'

/** Where a server of this process is reached, as its declaration says. */
export interface ResourcePlace {
  /** URL of the endpoint, or its path below `PUBLIC_URL`. Default: `/mcp`. */
  readonly resource?: string
  /** Further URLs, without the path of the endpoint. Default: none. */
  readonly publicUrls?: readonly string[]
}

/** The names of one server. */
export interface ResourceNames {
  /** Canonical identifier (RFC 8707). */
  readonly resource: string
  /** Identifiers by its other public URLs. */
  readonly furtherResources: readonly string[]
  /** {@link resource} without the path of the endpoint. */
  readonly publicUrl: string
}

const SEE = 'docs/settings.md'
const DEFAULT_PATH = '/mcp'

/**
 * The identifiers of a server. A URL on this machine in the declaration is where it is developed: `PUBLIC_URL` moves it.
 *
 * @param publicUrls - `PUBLIC_URL`; the first is canonical.
 * @param fallback - Public URL where neither says one; absent where nobody can know it.
 * @param place - Put before the names of problems: `files.`.
 * @param problems - Every problem is added to it.
 */
export function resourceNames(
  declared: ResourcePlace,
  publicUrls: readonly string[],
  fallback: string | undefined,
  place: string,
  problems: ConfigProblem[],
): ResourceNames | undefined {
  const { resource = DEFAULT_PATH } = declared
  const isPath = resource.startsWith('/')
  const [canonical = isPath ? fallback : undefined, ...others] = publicUrls
  if (isPath && canonical === undefined) {
    const what = declared.resource === undefined ? 'is not set: the' : `is ${resource} alone: give the whole`
    const example = `http://localhost:3000${resource}`
    const problem = `${what} URL at which clients reach this server, such as ${example}; or set PUBLIC_URL`
    problems.push({ setting: `${place}resource`, problem, see: SEE })
    return undefined
  }
  const endpoint = endpointToMove(resource)
  const doubled = endpoint ? [...publicUrls, ...(declared.publicUrls ?? [])].filter(url => endsWith(url, endpoint)) : []
  for (const url of doubled) {
    const base = trimmed(url).slice(0, -(endpoint as string).length)
    const problem = `is ${url}, and the endpoint ${endpoint} is appended to it: give the URL without the endpoint, ${base}. If clients do reach it at ${resourceBelow(url, endpoint as string)}, declare that as the resource`
    problems.push({ setting: publicUrls.includes(url) ? 'PUBLIC_URL' : `${place}publicUrls`, problem, see: SEE })
  }
  if (doubled.length > 0) return undefined
  try {
    const own = isPath ? resourceBelow(canonical as string, resource) : canonicalResource(resource, `${place}resource`)
    const moved = !isPath && canonical !== undefined && isLoopback(new URL(own).hostname)
    const named = moved ? resourceBelow(canonical, new URL(own).pathname) : own
    const publicUrl = trimmed(canonical ?? new URL(named).origin)
    if (!`${named}/`.startsWith(`${publicUrl}/`)) {
      const problem = `is ${publicUrl}, but the declaration names ${named}: put only the path into the declaration, such as ${DEFAULT_PATH}`
      problems.push({ setting: 'PUBLIC_URL', problem, see: SEE })
      return undefined
    }
    const path = named.slice(publicUrl.length)
    const furtherResources = [...others, ...(declared.publicUrls ?? [])].map(url => resourceBelow(url, path))
    return { resource: named, furtherResources: [...new Set(furtherResources)].filter(url => url !== named), publicUrl }
  } catch (error) {
    problems.push(...(error as { problems: ConfigProblem[] }).problems.map(problem => ({ see: SEE, ...problem })))
    return undefined
  }
}

/** The path of a resource that `PUBLIC_URL` moves; `undefined` for one that stays where it is. */
function endpointToMove(resource: string): string | undefined {
  if (resource.startsWith('/')) return resource
  if (!URL.canParse(resource)) return undefined
  const { hostname, pathname } = new URL(resource)
  return isLoopback(hostname) && pathname !== '/' ? pathname : undefined
}

const trimmed = (url: string) => canonicalResource(url).replace(/\/$/, '')

/** Whether somebody gave the URL of the endpoint where that without its path is meant. */
function endsWith(publicUrl: string, path: string): boolean {
  return (
    path !== '/' &&
    resourceProblem(publicUrl) === undefined &&
    new URL(publicUrl).pathname.replace(/\/$/, '').endsWith(path)
  )
}
