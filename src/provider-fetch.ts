import { ConfigError } from './config-error.ts'
import { optionalModule } from './optional-module.ts'
import { mayBeAsked } from './url.ts'

/**
 * A `fetch` for calls to providers that goes through the corporate proxy named by `HTTPS_PROXY`, `HTTP_PROXY` and
 * `NO_PROXY` (upper or lower case), and trusts the certificate authorities in the file that `AUTH_CA_FILE` names. Loopback never goes
 * through the proxy. Without such a setting it is the platform's own `fetch`, and no code for it is loaded.
 *
 * @param env - Environment to read the settings from; read now, not at each call.
 * @throws {ConfigError} The file cannot be read.
 */
export function createProviderFetch(env: Readonly<Record<string, string | undefined>>): typeof globalThis.fetch {
  const setting = (name: string) => env[name] || env[name.toLowerCase()] || ''
  const httpsProxy = proxyUrl(setting('HTTPS_PROXY'))
  const httpProxy = proxyUrl(setting('HTTP_PROXY'))
  const ca = readAuthorities(env.AUTH_CA_FILE?.trim())
  if (!httpsProxy && !httpProxy && ca === undefined) return (input, init) => globalThis.fetch(input, init)
  const noProxy = [setting('NO_PROXY'), 'localhost', '127.0.0.1', '[::1]'].filter(Boolean).join(',')
  let made: Promise<typeof globalThis.fetch> | undefined
  return async (input, init) => {
    made ??= createUndiciFetch({ httpProxy, httpsProxy, noProxy }, ca)
    return (await made)(input, init)
  }
}

/** `proxy:3128` is what curl and others take as well. */
export const proxyUrl = (text: string) => text.replace(/^(?!.*:\/\/)(?=.)/, 'http://')

/**
 * A `fetch` that asks over `http:` only on loopback and at the hosts that are named, whatever a provider's document names.
 *
 * @param insecureHosts - As {@link mayBeAsked} takes them.
 */
export function restrictedFetch(
  fetch: typeof globalThis.fetch,
  insecureHosts: readonly string[],
): typeof globalThis.fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    if (mayBeAsked(url, insecureHosts)) return fetch(input, init)
    throw new Error(`${url.origin} must be asked by https, or be named in AUTH_INSECURE_HOSTS`)
  }
}

interface ProxySettings {
  httpProxy: string
  httpsProxy: string
  noProxy: string
}

async function createUndiciFetch(proxies: ProxySettings, ca: string | undefined): Promise<typeof globalThis.fetch> {
  const undici = await optionalModule<typeof import('undici')>('undici')
  if (!undici) {
    throw new Error('HTTPS_PROXY, HTTP_PROXY or AUTH_CA_FILE is set, which cannot be used on this platform')
  }
  const tls = ca === undefined ? undefined : { ca: [...knownAuthorities(), ca] }
  const dispatcher = new undici.EnvHttpProxyAgent({
    ...proxies,
    ...(tls && { connect: tls, requestTls: tls, proxyTls: tls }),
  })
  // undici's own fetch takes undici's own dispatcher; its types differ from the platform's in name only.
  const fetch = undici.fetch as unknown as (input: unknown, init: object) => Promise<Response>
  return (input, init) => fetch(input, { ...init, dispatcher })
}

/** Naming authorities replaces Node's own list, `NODE_EXTRA_CA_CERTS` included. */
function knownAuthorities(): readonly string[] {
  const tls = globalThis.process?.getBuiltinModule?.('node:tls')
  return tls?.getCACertificates?.('default') ?? tls?.rootCertificates ?? []
}

function readAuthorities(path: string | undefined): string | undefined {
  if (!path) return undefined
  try {
    const fs = globalThis.process?.getBuiltinModule?.('node:fs')
    if (!fs) throw Object.assign(new Error('this platform has no files'), { code: 'ENOSYS' })
    return fs.readFileSync(path, 'utf8')
  } catch (error) {
    const problem = `names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`
    throw new ConfigError([{ setting: 'AUTH_CA_FILE', problem, see: 'docs/settings.md' }])
  }
}
