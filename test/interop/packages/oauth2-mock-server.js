import { OAuth2Server } from 'oauth2-mock-server'
import { listener, serve } from './serve.js'

/** By its hooks, tokens say who signed in, through which client and for which server: on its own it knows one person and no clients. */
async function create(issuer, grants) {
  const { issuer: signer, service } = new OAuth2Server()
  signer.url = issuer
  await signer.keys.generate('RS256')
  const grantOf = ({ body }) => grants.get(body.code ?? body.refresh_token)
  service.on('beforeAuthorizeRedirect', ({ url }, { query }) => void grants.set(url.searchParams.get('code'), query))
  service.on('beforeTokenSigning', ({ payload }, request) => {
    const grant = grantOf(request)
    payload.sub = grant?.login_hint
    // ID tokens have no scope.
    if (payload.scope === undefined) return
    const [client_id] = Buffer.from(request.headers.authorization.slice('Basic '.length), 'base64')
      .toString()
      .split(':')
    const { resource, scope } = grant ?? request.body
    Object.assign(payload, { client_id, aud: resource, scope, sub: payload.sub ?? client_id })
  })
  service.on('beforeResponse', ({ body }, request) => {
    if (body.refresh_token) grants.set(body.refresh_token, grantOf(request))
  })
  service.on('beforeUserinfo', ({ body }, { headers }) => {
    const [, payload] = headers.authorization.split('.')
    body.sub = JSON.parse(Buffer.from(payload, 'base64url').toString()).sub
  })
  return service.requestHandler
}

serve(async ({ issuer }) => {
  /** By code and by refresh token: what the authorization request was about. */
  const grants = new Map()
  let handler = await create(issuer, grants)
  return {
    ...listener(issuer, (request, response) => handler(request, response)),
    async replaceKeys() {
      handler = await create(issuer, grants)
    },
  }
})
