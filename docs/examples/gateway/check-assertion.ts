import type { IncomingMessage } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const gateway = process.env.GATEWAY ?? 'https://mcp.example.com'
const keys = createRemoteJWKSet(new URL('/.well-known/mcp-assertion-keys', gateway))

/** Who is calling; `undefined` for an anonymous caller. Throws when somebody else than the gateway made the assertion: answer 401 then. */
export async function caller(request: IncomingMessage) {
  const assertion = request.headers['x-mcp-assertion']
  if (typeof assertion !== 'string') return undefined
  const { payload } = await jwtVerify(assertion, keys, {
    algorithms: ['ES256'],
    typ: 'mcp-assertion+jwt',
    issuer: gateway,
    audience: process.env.SELF ?? 'http://127.0.0.1:8000/mcp',
    requiredClaims: ['sub', 'sub_id', 'exp'],
    clockTolerance: 5,
  })
  const { iss, sub } = payload.sub_id as { iss: string; sub: string }
  return { issuer: iss, subject: sub, scopes: String(payload.scope).split(' ').filter(Boolean) }
}
