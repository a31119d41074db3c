/**
 * A `fetch` for calls to providers that goes through the corporate proxy named by `HTTPS_PROXY`, `HTTP_PROXY` and
 * `NO_PROXY` (upper or lower case). Loopback never goes through it. Without such a setting it is the platform's own
 * `fetch`, and no proxy code is loaded.
 *
 * @param env - Environment to read the proxy settings from.
 */
export async function createProviderFetch(
  env: Readonly<Record<string, string | undefined>>,
): Promise<typeof globalThis.fetch> {
  const setting = (name: string) => env[name] || env[name.toLowerCase()] || ''
  const httpsProxy = setting('HTTPS_PROXY')
  const httpProxy = setting('HTTP_PROXY')
  if (!httpsProxy && !httpProxy) return globalThis.fetch
  const undici = await import('undici')
  const dispatcher = new undici.EnvHttpProxyAgent({
    httpProxy,
    httpsProxy,
    noProxy: [setting('NO_PROXY'), 'localhost', '127.0.0.1', '[::1]'].filter(Boolean).join(','),
  })
  // undici's own fetch takes undici's own dispatcher; its types differ from the platform's in name only.
  const proxied = undici.fetch as unknown as (input: unknown, init: object) => Promise<Response>
  return (input, init) => proxied(input, { ...init, dispatcher })
}
