import { type ClientAuth, ClientSecretPost, None, ResponseBodyError, type ServerMetadata } from 'openid-client'
import { assertionFields, type ClientKey, signAssertion } from './client-assertion.ts'
import { isClientRefused } from './failures.ts'

/** By what a provider recognizes this server; one at most. None: it is a public client. */
export interface ClientCredentials {
  clientId: string
  clientSecret?: string
  clientKey?: ClientKey
  /**
   * A JWT of somebody else that says who this server is (RFC 7523): of the platform that it runs on. Asked for at every request, because
   * it is replaced often.
   *
   * @throws {Error} There is none.
   */
  clientAssertion?: () => string
}

/** How this server authenticates at a provider's token endpoint. */
export interface ClientAuthentication {
  readonly apply: ClientAuth
  /**
   * Makes a token request. When the provider refuses the client, makes it once more in the other way: metadata says what a provider
   * takes, not for which of it this client is registered. What worked is remembered.
   */
  tried<T>(ask: () => Promise<T>): Promise<T>
  /**
   * Finds out which way it is before anything is at stake: some providers spend the code of a request whose client they refuse. Asks
   * once, and only where the metadata leaves a choice. Never throws.
   *
   * @param ask - Makes a request about no token of anybody's.
   */
  learn(metadata: ServerMetadata, ask: () => Promise<unknown>): Promise<void>
}

/** Ways to authenticate with the same credentials; the first is tried first. */
type Ways = readonly [Way, ...Way[]]

interface Way {
  readonly name: string
  readonly apply: ClientAuth
}

/**
 * @param audience - What a signed assertion is made out to at first. Default: the issuer, as newer specifications want it; older servers
 *   know themselves by their token endpoint.
 */
export function createClientAuthentication(
  credentials: ClientCredentials,
  audience?: AssertionAudience,
): ClientAuthentication {
  const waysOf = createWays(credentials, audience)
  let known: Ways | undefined
  let current: string | undefined
  let isLearned = false

  async function tried<T>(ask: () => Promise<T>): Promise<T> {
    const before = current
    try {
      return await ask()
    } catch (error) {
      const used = before ?? known?.[0].name
      const other = known?.find(({ name }) => name !== used)
      if (!isRefusalOfClient(error) || other === undefined) throw error
      current = other.name
      return await ask().catch(second => {
        if (!isRefusalOfClient(second)) throw second
        current = before
        throw error
      })
    }
  }

  return {
    tried,
    async learn(metadata, ask) {
      if (isLearned || waysOf(metadata).length < 2) return
      isLearned = await tried(ask).then(
        () => true,
        // What is not the provider's word says nothing: the next sign-in asks again.
        error => error instanceof ResponseBodyError,
      )
    },
    apply(as, ...request) {
      const ways = waysOf(as)
      const way = ways.find(({ name }) => name === current) ?? ways[0]
      known = ways
      current ??= way.name
      return way.apply(as, ...request)
    },
  }
}

export type AssertionAudience = 'issuer' | 'token_endpoint'

function createWays(credentials: ClientCredentials, audience?: AssertionAudience): (as: ServerMetadata) => Ways {
  const { clientSecret, clientKey, clientAssertion } = credentials
  if (clientSecret !== undefined) return secretWays(clientSecret)
  if (clientKey !== undefined) return keyWays(clientKey, audience)
  const apply: ClientAuth = clientAssertion ? withAssertion(async () => clientAssertion()) : None()
  return () => [{ name: 'only', apply }]
}

/** The form comes before the header, whose encoding some providers get wrong. */
function secretWays(secret: string): (as: ServerMetadata) => Ways {
  const form = { name: 'client_secret_post', apply: ClientSecretPost(secret) }
  const header: Way = {
    name: 'client_secret_basic',
    apply(_as, client, _body, headers) {
      headers.set('authorization', `Basic ${btoa(`${formEncoded(client.client_id)}:${formEncoded(secret)}`)}`)
    },
  }
  return ({ token_endpoint_auth_methods_supported: supported }) => {
    const [first, ...rest] = [form, header].filter(({ name }) => supported?.includes(name) ?? true)
    return first ? [first, ...rest] : [header]
  }
}

function keyWays(key: ClientKey, first: AssertionAudience = 'issuer'): (as: ServerMetadata) => Ways {
  const way = (name: AssertionAudience): Way => ({
    name,
    apply: withAssertion((as, clientId) =>
      signAssertion(key, clientId, String(as[name]), as.token_endpoint_auth_signing_alg_values_supported),
    ),
  })
  const [issuer, endpoint] = [way('issuer'), way('token_endpoint')]
  const ways: Ways = first === 'issuer' ? [issuer, endpoint] : [endpoint, issuer]
  return () => ways
}

function withAssertion(make: (as: ServerMetadata, clientId: string) => Promise<string>): ClientAuth {
  return async (as, { client_id: clientId }, body) => {
    body.set('client_id', clientId)
    for (const [name, value] of Object.entries(assertionFields(await make(as, clientId)))) body.set(name, value)
  }
}

const isRefusalOfClient = (error: unknown) => error instanceof ResponseBodyError && isClientRefused(error.error)

/** RFC 6749 §2.3.1. The library encodes - and . as well, which not every provider decodes; WHATWG leaves `-._*` as they are. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
