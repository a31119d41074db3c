import { type Configuration, isLoopback } from 'idplug/internal'

/** What to say where clients reach the server from elsewhere, and are sent to this machine to sign in. */
export function localIssuerWarning({ usesOwnServer, demoIssuer, resource }: Configuration): string | undefined {
  const isLocal = (url: string) => isLoopback(new URL(url).hostname)
  if (!usesOwnServer || !isLocal(demoIssuer) || isLocal(resource)) return undefined
  return `AUTH_SERVER_URL is ${demoIssuer}, where clients of ${resource} are sent to sign in, and only this machine reaches it. Set it to the URL at which they reach the authorization server, or AUTH_MODE=embedded`
}
