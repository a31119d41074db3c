import { OAuthResourceServer } from '@cloudflare/workers-oauth-provider'
import { createAuth } from 'idplug'
import { type TokenValidation, validateToken } from 'idplug/cloudflare'
import { files } from '../files.ts'

export default new OAuthResourceServer<object, TokenValidation['props']>({
  resourceMetadata: { resource: files.resource, authorization_servers: ['https://acme.eu.auth0.com/'] },
  requiredScopes: [...files.initialScopes],
  validateToken: validateToken(env => createAuth(files, { env })),
  handler: {
    fetch: (_request, _env, { props, auth }) => Response.json({ subject: props.token.subject, scope: auth.scope }),
  },
})
