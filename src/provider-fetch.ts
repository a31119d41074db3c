import { optionalModule } from './optional-module.ts'

/**
 * A `fetch` for calls to providers that goes through the corporate proxy named by `HTTPS_PROXY`, `HTTP_PROXY` and
 * `NO_PROXY` (upper or lower case). Loopback never goes through it. Without such a setting it is the platform's own
 * `fetch`, and no proxy code is loaded.
 *
 * @param env - Environment to read the proxy settings from; read now, not at each call.
 */
export function createProviderFetch(env: Readonly<Record<string, string | undefined>>): typeof globalThis.fetch {
  const setting = (name: string) => env[name] || env[name.toLowerCase()] || ''
  const httpsProxy = setting('HTTPS_PROXY')
  const httpProxy = setting('HTTP_PROXY')
  if (!httpsProxy && !httpProxy) return (input, init) => globalThis.fetch(input, init)
  const noProxy = [setting('NO_PROXY'), 'localhost', '127.0.0.1', '[::1]'].filter(Boolean).join(',')
  let proxied: Promise<typeof globalThis.fetch> | undefined
  return async (input, init) => {
    proxied ??= createProxiedFetch({ httpProxy, httpsProxy, noProxy })
    return (await proxied)(input, init)
  }
}

interface ProxySettings {
  httpProxy: string
  httpsProxy: string
  noProxy: string
}

async function createProxiedFetch(settings: ProxySettings): Promise<typeof globalThis.fetch> {
  const undici = await optionalModule<typeof import('undici')>('undici')
  if (!undici) throw new Error('a proxy is set (HTTPS_PROXY, HTTP_PROXY), which cannot be used on this platform')
  const dispatcher = new undici.EnvHttpProxyAgent(settings)
  // undici's own fetch takes undici's own dispatcher; its types differ from the platform's in name only.
  const fetch = undici.fetch as unknown as (input: unknown, init: object) => Promise<Response>
  return (input, init) => fetch(input, { ...init, dispatcher })
}
