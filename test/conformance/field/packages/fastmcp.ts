import fastJwt, { type DecodedJwt } from 'fast-jwt'
import { FastMCP } from 'fastmcp'
import buildGetJwks from 'get-jwks'
import { issuer, issuerMetadata, jwksUri, port, resource } from './setting.ts'

// As the section "OAuth Discovery Endpoints" of its README builds it, with the libraries named there for tokens. The README checks
// neither issuer nor audience; `allowedIss` and `allowedAud` of fast-jwt would.

const metadata = await issuerMetadata()
const keys = buildGetJwks({ providerDiscovery: true })
const server = new FastMCP<{ subject: string; scope: string }>({
  name: 'notes',
  version: '1.0.0',
  oauth: {
    enabled: true,
    authorizationServer: {
      issuer,
      authorizationEndpoint: metadata.authorization_endpoint,
      tokenEndpoint: metadata.token_endpoint,
      jwksUri: jwksUri.href,
      responseTypesSupported: ['code'],
    },
    protectedResource: { resource: resource.href, authorizationServers: [issuer] },
  },
  async authenticate(request) {
    const header = request.headers.authorization
    if (!header?.startsWith('Bearer ')) {
      throw new Response(null, { status: 401, statusText: 'Missing or invalid authorization header' })
    }
    try {
      const verify = fastJwt.createVerifier({
        key: ({ header }: DecodedJwt) => keys.getPublicKey({ kid: header.kid, alg: header.alg, domain: issuer }),
        algorithms: ['RS256'],
      })
      const { sub, scope } = await verify(header.slice(7))
      return { subject: sub, scope }
    } catch {
      throw new Response(null, { status: 401, statusText: 'Invalid OAuth token' })
    }
  },
})
server.addTool({
  name: 'whoami',
  description: 'Who is signed in',
  execute: async (_args, { session }) => String(session?.subject),
})
server.addTool({
  name: 'purge_notes',
  description: 'Deletes every note',
  canAccess: session => session?.scope?.split(' ').includes('notes:write') ?? false,
  execute: async () => 'deleted',
})
await server.start({ transportType: 'httpStream', httpStream: { port } })
