import { createPrivateKey, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import Provider from 'oidc-provider'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { people } from '../../../adapters/people.ts'
import type { ClientCredentials } from '../../../demo-as/upstream/client-authentication.ts'
import { createOpenIdUpstream, type OpenIdPreset } from '../../../demo-as/upstream/openid-connect.ts'
import { UpstreamMisconfiguredError } from '../../../demo-as/upstream/upstream.ts'
import { createAzureEmulator } from '../../../emulators/azure.ts'
import { createKeyRing, signJwt } from '../../../emulators/core/keys.ts'
import type { Client } from '../../../emulators/core/sign-in.ts'
import { createOidcEmulator } from '../../../emulators/oidc.ts'
import { keyAsJwk, keyWithCertificate } from '../../support/client-keys.ts'
import { CALLBACK, identifyAt, keep, OPENID } from './support.ts'

const ORIGIN = 'https://id.example.com'

interface Place {
  readonly metadataUrl: string
  readonly fetch: typeof fetch
  readonly preset?: OpenIdPreset
}

function upstreamAt({ metadataUrl, fetch, preset = people.oidc.signIn }: Place, credentials: ClientCredentials) {
  const forms: URLSearchParams[] = []
  const upstream = createOpenIdUpstream({
    ...OPENID,
    preset,
    metadataUrl,
    ...credentials,
    async fetch(input, init) {
      const request = new Request(input, init)
      if (request.method === 'POST') forms.push(new URLSearchParams(await request.clone().text()))
      return fetch(request)
    },
  })
  return { upstream, forms }
}

/** An emulated provider at which the bridge is registered in a way of its own. */
function start(registered: Partial<Client>, credentials: Omit<ClientCredentials, 'clientId'>, audience?: string) {
  const client: Client = { clientId: 'bridge', redirectUris: [CALLBACK], ...registered }
  const provider = createOidcEmulator({ origin: ORIGIN, clients: [client] })
  const place: Place = {
    metadataUrl: `${ORIGIN}/.well-known/openid-configuration`,
    async fetch(input, init) {
      const request = new Request(input, init)
      const form = request.method === 'POST' ? new URLSearchParams(await request.clone().text()) : undefined
      const shown = form && decodeJwt(form.get('client_assertion') ?? '').aud
      // Some take what is made out to one of their names only.
      if (form && audience && shown !== audience) return Response.json({ error: 'invalid_client' }, { status: 401 })
      return provider.fetch(request)
    },
  }
  const { upstream, forms } = upstreamAt(place, { clientId: 'bridge', ...credentials })
  return { upstream, forms, identify: () => identifyAt(upstream, provider) }
}

describe('a bridge signs that it is the client', () => {
  it.each(['rsa', 'ec', 'ed25519'] as const)('with a key (%s), at each request anew', async kind => {
    const { jwk, registered } = keyAsJwk(kind)
    const { upstream, forms, identify } = start({ jwks: [registered] }, { clientKey: { jwk } })
    const found = await identify()
    if (found.outcome !== 'signed_in') throw new Error(JSON.stringify(found))
    expect(await upstream.recheck?.(found.session, keep)).toMatchObject({ outcome: 'signed_in' })
    await upstream.end?.(found.session)
    const assertions = forms.map(form => form.get('client_assertion') ?? '')
    expect(new Set(assertions.map(text => decodeJwt(text).jti)).size).toBe(assertions.length)
    for (const form of forms) {
      expect(form.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      expect(form.has('client_secret')).toBe(false)
    }
    const { iss, sub, aud, exp = 0, iat = 0 } = decodeJwt(assertions[0] as string)
    expect({ iss, sub, aud, seconds: exp - iat }).toEqual({ iss: 'bridge', sub: 'bridge', aud: ORIGIN, seconds: 60 })
    expect(decodeProtectedHeader(assertions[0] as string)).toMatchObject({ kid: 'k1' })
  })

  it.each([ORIGIN, `${ORIGIN}/token`])('made out to %s, as this provider wants it', async audience => {
    const { jwk, registered } = keyAsJwk()
    const { forms, identify } = start({ jwks: [registered] }, { clientKey: { jwk } }, audience)
    expect(await identify()).toMatchObject({ outcome: 'signed_in' })
    const before = forms.length
    expect(await identify()).toMatchObject({ outcome: 'signed_in' })
    // Learned: no request of the second sign-in was refused.
    expect(forms.length - before).toBe(1)
  })

  it('and says so where the provider knows another key', async () => {
    const { identify } = start({ jwks: [keyAsJwk().registered] }, { clientKey: { jwk: keyAsJwk().jwk } })
    await expect(identify()).rejects.toBeInstanceOf(UpstreamMisconfiguredError)
  })

  it('with PS256 where the provider lists that and not RS256', async () => {
    const { jwk, registered } = keyAsJwk('rsa')
    const provider = createOidcEmulator({
      origin: ORIGIN,
      clients: [{ clientId: 'bridge', redirectUris: [CALLBACK], jwks: [registered] }],
    })
    const place: Place = {
      metadataUrl: ORIGIN,
      async fetch(input, init) {
        const response = await provider.fetch(input, init)
        if (!String(input instanceof Request ? input.url : input).includes('/.well-known/')) return response
        const document = (await response.json()) as object
        return Response.json({ ...document, token_endpoint_auth_signing_alg_values_supported: ['PS256', 'ES256'] })
      },
    }
    const { upstream, forms } = upstreamAt(place, { clientId: 'bridge', clientKey: { jwk } })
    expect(await identifyAt(upstream, provider)).toMatchObject({ outcome: 'signed_in' })
    expect(decodeProtectedHeader(forms.at(-1)?.get('client_assertion') ?? '').alg).toBe('PS256')
  })
})

describe('a bridge to Entra ID', () => {
  function entra(registered: Partial<Client>, credentials: Omit<ClientCredentials, 'clientId'>) {
    const clientId = '15b4bcb0-3c1e-4b1f-9f3f-0d6c8f2c6b11'
    const clients = [{ clientId, redirectUris: [CALLBACK], ...registered }]
    const provider = createAzureEmulator({ origin: 'https://login.microsoftonline.com', clients })
    const metadataUrl =
      'https://login.microsoftonline.com/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0/.well-known/openid-configuration'
    const place = { metadataUrl, fetch: provider.fetch, preset: people.azure.signIn }
    const { upstream, forms } = upstreamAt(place, { clientId, ...credentials })
    return { forms, identify: () => identifyAt(upstream, provider, 'ada@contoso.example') }
  }

  it('is known by its certificate, and makes the assertion out to the token endpoint', async () => {
    const { registered, key, thumbprint } = keyWithCertificate()
    const jwk = createPrivateKey(key).export({ format: 'jwk' }) as { kty: string }
    const { forms, identify } = entra({ jwks: [registered] }, { clientKey: { jwk, certificateThumbprint: thumbprint } })
    expect(await identify()).toMatchObject({ outcome: 'signed_in' })
    const assertion = forms.at(-1)?.get('client_assertion') ?? ''
    expect(decodeProtectedHeader(assertion)).toMatchObject({ alg: 'RS256', 'x5t#S256': thumbprint })
    expect(decodeJwt(assertion).aud).toMatch(/\/oauth2\/v2\.0\/token$/)
    const without = entra({ jwks: [registered] }, { clientKey: { jwk } })
    await expect(without.identify()).rejects.toBeInstanceOf(UpstreamMisconfiguredError)
  })

  it('shows the token of its platform, which is read again each time', async () => {
    const keys = createKeyRing()
    const facts = { issuer: 'https://cluster.example', subject: 'system:serviceaccount:mcp:bridge' }
    const federated = { ...facts, audience: 'api://AzureADTokenExchange', jwks: keys.published() }
    const { alg, kid, privateKey } = keys.current
    const mint = (seconds: number) =>
      signJwt(
        { alg, kid },
        { iss: facts.issuer, sub: facts.subject, aud: federated.audience, exp: seconds, jti: randomUUID() },
        privateKey,
      )
    const now = Math.floor(Date.now() / 1000)
    let current = await mint(now - 60)
    const { identify } = entra({ federated }, { clientAssertion: () => current })
    await expect(identify()).rejects.toBeInstanceOf(UpstreamMisconfiguredError)
    current = await mint(now + 3600)
    expect(await identify()).toMatchObject({ outcome: 'signed_in' })
    expect(await identify()).toMatchObject({ outcome: 'signed_in' })
  })

  it('says so when there is no token of its platform', async () => {
    const clientAssertion = () => {
      throw new Error('the token of the platform (/var/run/token) cannot be read (ENOENT)')
    }
    const { identify } = entra({}, { clientAssertion })
    await expect(identify()).rejects.toThrow('the token of the platform (/var/run/token) cannot be read (ENOENT)')
  })
})

describe('oidc-provider as it is', () => {
  /** A provider that we did not write; everybody who comes is Ada. */
  async function startProvider(registered: object) {
    // It recommends settings of production.
    for (const method of ['info', 'warn'] as const) vi.spyOn(console, method).mockImplementation(() => {})
    onTestFinished(() => void vi.restoreAllMocks())
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, 'localhost', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const origin = `http://localhost:${(server.address() as AddressInfo).port}`
    const provider = new Provider(origin, {
      clients: [
        {
          client_id: 'bridge',
          redirect_uris: [CALLBACK],
          grant_types: ['authorization_code', 'refresh_token'],
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: [registered as never] },
        },
      ],
      clientAuthMethods: ['private_key_jwt'],
      enabledJWA: { clientAuthSigningAlgValues: ['ES256', 'RS256'] },
      features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
      findAccount: (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
      interactions: { url: (_ctx, { uid }) => `/finish/${uid}` },
    })
    const callback = provider.callback()
    server.on('request', async (req, res) => {
      if (!req.url?.startsWith('/finish/')) return callback(req, res)
      const { params } = await provider.interactionDetails(req, res)
      const grant = new provider.Grant({ accountId: 'ada', clientId: String(params.client_id) })
      grant.addOIDCScope(String(params.scope))
      const grantId = await grant.save()
      await provider.interactionFinished(req, res, { login: { accountId: 'ada' }, consent: { grantId } })
    })
    return origin
  }

  /** What a browser does: follows redirects on the way, with its cookies. */
  async function visit(url: string): Promise<Response> {
    const cookies = new Map<string, string>()
    for (let next = url; ; ) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(next, { redirect: 'manual', headers: { cookie } })
      for (const set of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
        cookies.set(name, value)
      }
      const location = response.headers.get('location')
      if (location === null) throw new Error(`${response.status}: ${await response.text()}`)
      next = new URL(location, next).href
      if (next.startsWith(CALLBACK)) return response
    }
  }

  it('signs people in, checks again and revokes for a bridge that signs', async () => {
    const { jwk, registered } = keyAsJwk('ec')
    const origin = await startProvider(registered)
    const { upstream } = upstreamAt({ metadataUrl: origin, fetch }, { clientId: 'bridge', clientKey: { jwk } })
    const found = await identifyAt(upstream, { fetch: visit })
    expect(found).toMatchObject({ outcome: 'signed_in', user: { subject: expect.stringMatching(/:ada$/) } })
    if (found.outcome !== 'signed_in') return
    const again = await upstream.recheck?.(found.session, keep)
    expect(again).toMatchObject({ outcome: 'signed_in' })
    await upstream.end?.((again as typeof found).session)
    expect(await upstream.recheck?.((again as typeof found).session, keep)).toMatchObject({ outcome: 'nobody' })
  })

  it('and refuses one that signs with another key', async () => {
    const origin = await startProvider(keyAsJwk('ec').registered)
    const credentials = { clientId: 'bridge', clientKey: { jwk: keyAsJwk('ec').jwk } }
    const { upstream } = upstreamAt({ metadataUrl: origin, fetch }, credentials)
    await expect(identifyAt(upstream, { fetch: visit })).rejects.toThrow('invalid_client')
  })
})
