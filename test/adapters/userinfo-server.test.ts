import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import { expect, it, onTestFinished } from 'vitest'
import { userinfo } from '../../adapters/userinfo/index.ts'
import { MisconfigurationError } from '../../src/errors.ts'
import { RESOURCE, refusalOf } from '../engines/support.ts'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const key = { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }

const signed = { userinfo_signed_response_alg: 'RS256' } as const
const CLIENTS = [
  { client_id: 'native', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/callback'] },
  { client_id: 'other-app', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/callback'] },
  { client_id: 'signed', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/callback'], ...signed },
] as const

/** UserInfo of a server that is not ours, told to name the client of the token. */
async function startServer(namesClient = true) {
  const listener = createServer()
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void listener.close())
  const issuer = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: CLIENTS.map(client => ({ ...client, redirect_uris: [...client.redirect_uris] })),
    claims: { openid: ['sub', 'client_id'], email: ['email', 'email_verified'] },
    features: { devInteractions: { enabled: false }, jwtUserinfo: { enabled: true } },
    jwks: { keys: [key] },
    ttl: { AccessToken: 600, Grant: 600 },
    findAccount: (_ctx, accountId, token) => ({
      accountId,
      claims: () => ({
        sub: accountId,
        email: 'ada@example.com',
        email_verified: true,
        ...(namesClient && { client_id: token?.clientId }),
      }),
    }),
  })
  listener.on('request', provider.callback())

  async function mint(clientId = 'native', scope = 'openid email', audience?: string) {
    const client = await provider.Client.find(clientId)
    if (!client) throw new Error(`no client ${clientId}`)
    const grant = new provider.Grant({ accountId: 'ada', clientId })
    grant.addOIDCScope(scope)
    const token = new provider.AccessToken({
      accountId: 'ada',
      client,
      grantId: await grant.save(),
      gty: 'authorization_code',
      scope,
      ...(audience && { aud: audience }),
    } as ConstructorParameters<typeof provider.AccessToken>[0])
    return { value: await token.save(), token }
  }
  return { issuer, mint }
}

function create(issuer: string, options: object = { clientIds: 'native' }) {
  const grants = [{ scopes: 'notes:read', to: '@example.com' }]
  const parsed = userinfo.options.parse({
    adapter: 'userinfo',
    metadataUrl: `${issuer}/.well-known/openid-configuration`,
    wireScopes: 'openid email',
    grants,
    ...options,
  })
  const secret = () => expect.fail('it has no secret')
  return userinfo.create(parsed, { resource: RESOURCE, fetch, now: Date.now, cacheSeconds: 1, secret })
}

it('works with oidc-provider that names the client', async () => {
  const { issuer, mint } = await startServer()
  const validator = create(issuer)
  await validator.warmUp()
  const { value } = await mint()
  expect(await validator.validate(value)).toMatchObject({
    issuer,
    subject: 'ada',
    clientId: 'native',
    scopes: ['notes:read'],
  })
  const kindOf = async (token: string) => (await refusalOf(validator.validate(token))).reason.kind
  expect(await kindOf('made-up')).toBe('inactive')
  expect(await kindOf((await mint('other-app')).value)).toBe('client_refused')
  expect(await kindOf((await mint('native', 'email')).value)).toBe('userinfo.scope_missing')
  // Tokens for a resource are none for UserInfo.
  expect(await kindOf((await mint('native', 'openid', RESOURCE)).value)).toBe('inactive')
  const ended = await mint()
  await ended.token.destroy()
  expect(await kindOf(ended.value)).toBe('inactive')
})

it('refuses every token of oidc-provider as it is, which names no client, unless any client is accepted', async () => {
  const { issuer, mint } = await startServer(false)
  const { value } = await mint('other-app')
  expect((await refusalOf(create(issuer).validate(value))).reason.kind).toBe('claim_missing')
  const any = create(issuer, { dangerouslyAcceptTokensOfAnyClient: true })
  expect((await any.validate(value)).clientId).toBe('any-client')
})

it('says so where oidc-provider signs its answers', async () => {
  const { issuer, mint } = await startServer()
  const validator = create(issuer)
  const error = await refusalOf(validator.validate((await mint('signed')).value))
  expect(error).toBeInstanceOf(MisconfigurationError)
  expect(error.reason.kind).toBe('answer_unsupported')
  // That goes by the client of a token, and is no failure of the endpoint.
  expect((await validator.validate((await mint()).value)).clientId).toBe('native')
})
