/** What Deno, Bun and `@hono/node-server` hand to a handler beside the request. */
interface Beside {
  readonly remoteAddr?: { readonly hostname?: string }
  requestIP?(request: Request): { readonly address: string } | null
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } }
}

/**
 * The address that a request of the platform came from.
 *
 * @param further - Arguments of the handler after the request.
 * @returns `undefined` where the platform does not tell, as Next.
 */
export function clientAddress(request: Request, [beside]: readonly unknown[]): string | undefined {
  // Cloudflare's Workers: the header is set by Cloudflare, whatever the client sent.
  if ('cf' in request) return request.headers.get('cf-connecting-ip') ?? undefined
  // srvx, under h3 and Nitro: by its own rule, which proxies it trusts included.
  if ('ip' in request) return request.ip as string | undefined
  const { remoteAddr, incoming } = Object(beside) as Beside
  return remoteAddr?.hostname ?? incoming?.socket?.remoteAddress ?? Object(beside).requestIP?.(request)?.address
}
