import type { OAuthClientProvider as ProviderV2 } from '@modelcontextprotocol/client'
import type { OAuthClientProvider as ProviderV1 } from '@modelcontextprotocol/sdk/client/auth.js'

type ClientInformation = Awaited<ReturnType<ProviderV2['clientInformation']>>
type DiscoveryState = Awaited<ReturnType<NonNullable<ProviderV2['discoveryState']>>>
type Tokens = Awaited<ReturnType<ProviderV2['tokens']>>

/** As a person types it in who registered the client by hand. */
export interface RegisteredClient {
  readonly client_id: string
  readonly client_secret?: string
  /** Keeps SDK 2.x from warning that it cannot tell whose client this is. */
  readonly issuer?: string
}

/** What a desktop MCP client keeps between requests, in memory; fits both official SDKs. Says when it throws tokens away. */
export class OAuthMemory implements ProviderV1, ProviderV2 {
  readonly redirectUrl: string
  /** Address of the client's metadata document, for a client that has one. */
  clientMetadataUrl?: string
  readonly #grantTypes: string[]
  /** Where the client would have opened the browser. */
  authorizationUrl: URL | undefined
  /** How often the tokens were dropped, and what was opened in the browser; tests assert on both. */
  tokensDropped = 0
  authorizationRequests = 0
  #information: ClientInformation
  #tokens: Tokens
  #discovery: DiscoveryState
  #verifier = ''

  /** @param refresh - Whether the client asks for refresh tokens when it registers. */
  constructor(refresh = true, redirectUrl = 'http://localhost:8766/callback') {
    this.redirectUrl = redirectUrl
    this.#grantTypes = ['authorization_code', ...(refresh ? ['refresh_token'] : [])]
  }

  get clientMetadata() {
    return {
      client_name: 'End-to-end client',
      redirect_uris: [this.redirectUrl],
      grant_types: this.#grantTypes,
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    }
  }
  clientInformation() {
    return this.#information as never
  }
  saveClientInformation(information: NonNullable<ClientInformation>) {
    this.#information = information
  }
  useClient(client: RegisteredClient) {
    this.#information = client
  }
  tokens() {
    return this.#tokens as never
  }
  saveTokens(tokens: NonNullable<Tokens>) {
    this.#tokens = tokens
  }
  redirectToAuthorization(url: URL) {
    this.authorizationUrl = url
    this.authorizationRequests++
  }
  saveCodeVerifier(verifier: string) {
    this.#verifier = verifier
  }
  codeVerifier() {
    return this.#verifier
  }
  saveDiscoveryState(state: NonNullable<DiscoveryState>) {
    this.#discovery = state
  }
  discoveryState() {
    return this.#discovery as never
  }
  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery') {
    if (scope === 'all' || scope === 'discovery') this.#discovery = undefined
    if (scope === 'all' || scope === 'client') this.#information = undefined
    if (scope === 'all' || scope === 'tokens') {
      this.#tokens = undefined
      this.tokensDropped++
    }
  }

  get accessToken(): string | undefined {
    return this.#tokens?.access_token
  }
  get refreshToken(): string | undefined {
    return this.#tokens?.refresh_token
  }
  get scopes(): string[] {
    return this.#tokens?.scope?.split(' ') ?? []
  }
  get clientId(): string | undefined {
    return this.#information?.client_id
  }
  /** Breaks the access token, as if it had expired; the refresh token stays. */
  spoilAccessToken(): void {
    if (this.#tokens) this.#tokens = { ...this.#tokens, access_token: 'spoilt' }
  }
}
