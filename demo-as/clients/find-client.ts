import type Provider from 'oidc-provider'
import { errors } from 'oidc-provider'

/**
 * @returns `undefined` when there is no such client any more, or what it publishes is not usable any more.
 * @throws {TemporarilyUnavailable} The host that publishes the client does not answer.
 */
export async function findClient(
  provider: Provider,
  clientId: string,
): Promise<InstanceType<Provider['Client']> | undefined> {
  try {
    return await provider.Client.find(clientId)
  } catch (error) {
    if (error instanceof errors.InvalidClient || error instanceof errors.InvalidClientMetadata) return undefined
    throw error
  }
}
