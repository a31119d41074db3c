import { onTestFinished } from 'vitest'
import { listen } from '../../support/http.ts'
import type { Trust } from './server/tokens.ts'

export type Members = Readonly<Record<string, unknown>>

/** The token that the introspection of this issuer knows. */
export const GOOD = 'good-token-of-these-tests'

/**
 * An authorization server that publishes metadata and introspects. Closed when the test ends.
 *
 * @param change - What its metadata says otherwise; `undefined` leaves a member out, and no members leave the document out.
 */
export async function startPlainIssuer(
  resource: () => string,
  change: (metadata: Members) => Members | undefined = metadata => metadata,
): Promise<Trust> {
  const { origin, close } = await listen((request, response) => {
    const send = (value: unknown) =>
      response.writeHead(value ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(value ?? {}))
    if (request.url !== '/introspect') {
      const metadata = {
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        registration_endpoint: `${origin}/register`,
        jwks_uri: `${origin}/jwks`,
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
      }
      return send(request.url === '/.well-known/oauth-authorization-server' ? change(metadata) : undefined)
    }
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      const isGood = new URLSearchParams(body).get('token') === GOOD
      send(
        isGood
          ? { active: true, token_type: 'Bearer', iss: origin, sub: 'ada', aud: resource(), scope: 'files:read' }
          : { active: false },
      )
    })
  })
  onTestFinished(close)
  return {
    issuer: origin,
    jwksUri: `${origin}/jwks`,
    introspectionEndpoint: `${origin}/introspect`,
    client: { id: 'server', secret: 'of these tests' },
  }
}
