import { decodeJwt } from 'jose'
import { createOpenIdUpstream, type OpenIdUpstreamOptions } from '../../../demo-as/upstream/openid-connect.ts'
import { createKeyRing, type JsonObject, signJwt } from '../../../emulators/core/keys.ts'
import { createOidcEmulator, type OidcUser } from '../../../emulators/oidc.ts'
import { CALLBACK, identifyAt, OPENID, signInAt } from './support.ts'

export const ORIGIN = 'https://id.example.com'
export const CLIENT = { clientId: 'bridge', clientSecret: 'bridge-secret', redirectUris: [CALLBACK] }

export interface Setup extends Partial<OpenIdUpstreamOptions> {
  /** What the ID token says otherwise. */
  claims?: JsonObject
  /** What the userinfo endpoint says. Default: there is none. */
  userInfo?: JsonObject
  /** Client authentication that the metadata lists. */
  methods?: readonly string[]
  /** Signs with a key that the provider does not publish, under the id of one that it does. */
  foreignKey?: boolean
}

/** An upstream in front of an emulated provider, and a person who can sign in there. */
export function start({ claims, userInfo, methods, foreignKey = false, ...changes }: Setup = {}) {
  const ada: OidcUser = {
    login: 'ada',
    id: '1',
    claims: { email: 'ada@corp.com', email_verified: true, name: 'Ada', groups: ['staff'] },
  }
  const users = [ada]
  const clock = { now: Date.now() }
  const provider = createOidcEmulator({ origin: ORIGIN, clients: [CLIENT], users, now: () => clock.now })
  if (!userInfo) provider.vary({ omit: ['discovery.userinfo_endpoint'] })

  const asked: string[] = []
  const authorizations: (string | null)[] = []
  const forging: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    const { pathname } = new URL(request.url)
    asked.push(pathname)
    if (pathname === '/token') authorizations.push(request.headers.get('authorization'))
    if (userInfo && pathname === '/userinfo') return Response.json(userInfo)
    const response = await provider.fetch(input, init)
    if ((userInfo || methods) && pathname.startsWith('/.well-known/')) {
      return Response.json({
        ...((await response.json()) as object),
        ...(userInfo && { userinfo_endpoint: `${ORIGIN}/userinfo` }),
        ...(methods && { token_endpoint_auth_methods_supported: methods }),
      })
    }
    if (pathname !== '/token' || !response.ok || (!claims && !foreignKey)) return response
    const body = (await response.json()) as { id_token: string }
    const { kid, alg, privateKey } = provider.keys.current
    const key = foreignKey ? createKeyRing().current.privateKey : privateKey
    const forged = { ...decodeJwt(body.id_token), ...claims } as JsonObject
    return Response.json({ ...body, id_token: await signJwt({ alg, kid }, forged, key) })
  }
  const upstream = createOpenIdUpstream({
    ...OPENID,
    metadataUrl: `${ORIGIN}/.well-known/openid-configuration`,
    clientId: CLIENT.clientId,
    clientSecret: CLIENT.clientSecret,
    fetch: forging,
    now: () => clock.now,
    ...changes,
  })
  return {
    provider,
    upstream,
    users,
    clock,
    asked,
    authorizations,
    signIn: () => signInAt(upstream, provider),
    identify: () => identifyAt(upstream, provider),
  }
}
