import { type ClientAuth, ClientSecretPost, None, ResponseBodyError } from 'openid-client'
import { isClientRefused } from './failures.ts'

/** How this server authenticates at a provider's token endpoint. */
export interface ClientAuthentication {
  readonly apply: ClientAuth
  /**
   * Makes a token request. When the provider refuses the client, makes it once more with the secret in the other place: metadata says
   * what a provider takes, not for which of it this client is registered. What worked is remembered.
   */
  tried<T>(ask: () => Promise<T>): Promise<T>
  /**
   * Finds out where the secret has to be before anything is at stake: some providers spend the code of a request whose client they
   * refuse. Asks once, and only where the metadata leaves a choice. Never throws.
   *
   * @param supported - `token_endpoint_auth_methods_supported` of the metadata.
   * @param ask - Makes a request about no token of anybody's, with the secret.
   */
  learn(supported: readonly string[] | undefined, ask: () => Promise<unknown>): Promise<void>
}

type Method = 'client_secret_post' | 'client_secret_basic'

/**
 * The form comes before the header, whose encoding some providers get wrong.
 *
 * @param secret - `undefined` for a public client.
 */
export function createClientAuthentication(secret: string | undefined): ClientAuthentication {
  if (secret === undefined) return { apply: None(), tried: ask => ask(), learn: async () => {} }
  const post = ClientSecretPost(secret)
  let known: readonly Method[] = BOTH
  let method: Method | undefined
  let isLearned = false

  async function tried<T>(ask: () => Promise<T>): Promise<T> {
    const before = method
    try {
      return await ask()
    } catch (error) {
      const used = before ?? known[0]
      const other = known.find(name => name !== used)
      if (!isRefusalOfClient(error) || other === undefined) throw error
      method = other
      return await ask().catch(second => {
        if (!isRefusalOfClient(second)) throw second
        method = before
        throw error
      })
    }
  }

  return {
    tried,
    async learn(supported, ask) {
      if (isLearned || methodsOf(supported).length < 2) return
      isLearned = await tried(ask).then(
        () => true,
        // What is not the provider's word says nothing: the next sign-in asks again.
        error => error instanceof ResponseBodyError,
      )
    },
    apply(as, client, body, headers) {
      known = methodsOf(as.token_endpoint_auth_methods_supported)
      method ??= known[0]
      if (method === 'client_secret_post') return post(as, client, body, headers)
      headers.set('authorization', `Basic ${btoa(`${formEncoded(client.client_id)}:${formEncoded(secret)}`)}`)
    },
  }
}

const BOTH: readonly Method[] = ['client_secret_post', 'client_secret_basic']

function methodsOf(supported: readonly string[] = BOTH): readonly Method[] {
  const listed = BOTH.filter(name => supported.includes(name))
  return listed.length > 0 ? listed : ['client_secret_basic']
}

const isRefusalOfClient = (error: unknown) => error instanceof ResponseBodyError && isClientRefused(error.error)

/** RFC 6749 §2.3.1. The library encodes - and . as well, which not every provider decodes; WHATWG leaves `-._*` as they are. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
