import { decodeJwt } from 'jose'
import { askForTokens, codeFlow, type Endpoints, endpointsAt, postAs } from '../support/code-flow.ts'
import {
  ALL_SCOPES,
  type Client,
  type InteropServer,
  OTHER_RESOURCE,
  PEOPLE,
  type PersonName,
  RESOURCE,
  SCOPES,
} from './server.ts'

export type Clients = InteropServer['clients']

/** Ids and secrets, where they can be chosen. */
export const chosenClients: Clients = {
  ours: { id: 'our-client', secret: 'secret-of-ours' },
  other: { id: 'another-client', secret: 'secret-of-another' },
  machine: { id: 'a-machine', secret: 'secret-of-the-machine' },
  introspector: { id: 'mcp-server', secret: 'secret-of-the-server' },
  bridge: { id: 'the-bridge', secret: 'secret-of-the-bridge' },
}

export interface StandardOptions extends Pick<InteropServer, 'issuer' | 'start' | 'stop' | 'end'> {
  /** Default: what ID tokens say at the first start. */
  readonly subjectOf?: InteropServer['subjectOf']
  /** Default: {@link chosenClients}. */
  readonly clients?: Clients
  /** Default: `/.well-known/openid-configuration` below the issuer. */
  readonly metadataUrl?: string
  /** Where there is no metadata, or it says otherwise. */
  readonly endpoints?: Endpoints
  /** Requested for a person. Default: {@link ALL_SCOPES}. */
  readonly scope?: string
  /** Whether requests name the resource (RFC 8707). */
  readonly takesResource: boolean
  /** Whether a client gets tokens of its own. */
  readonly hasMachines: boolean
  signIn(url: URL, person: PersonName): Promise<URL>
}

/** A server that does what the standards say: code flow, client credentials and revocation. */
export function createStandardServer(options: StandardOptions): InteropServer & { endpoints(): Promise<Endpoints> } {
  const { issuer, clients = chosenClients, takesResource, signIn } = options
  const metadataUrl = options.metadataUrl ?? `${issuer}/.well-known/openid-configuration`
  const endpoints = async () => options.endpoints ?? (await endpointsAt(metadataUrl))
  const { scope = ALL_SCOPES } = options
  async function tokensFor(resource: string, person: PersonName, client: 'ours' | 'other') {
    const request = { client: clients[client], scope, ...(takesResource && { resource }) }
    return codeFlow(await endpoints(), request, url => signIn(url, person))
  }

  const subjects: Record<string, string> = {}
  async function start() {
    await options.start()
    if (options.subjectOf) return
    for (const person of PEOPLE) {
      subjects[person] ??= decodeJwt((await tokensFor(RESOURCE, person, 'ours')).id ?? '').sub ?? ''
    }
  }

  return {
    issuer,
    clients,
    start,
    stop: options.stop,
    end: options.end,
    subjectOf: options.subjectOf ?? (person => subjects[person] ?? ''),
    signIn,
    endpoints,
    tokens: ({ person = 'ada', client = 'ours' } = {}) => tokensFor(RESOURCE, person, client),
    ...(takesResource && {
      tokenForAnother: async () => (await tokensFor(OTHER_RESOURCE, 'ada', 'ours')).access,
    }),
    ...(options.hasMachines && {
      async machineToken() {
        const body: Record<string, string> = { grant_type: 'client_credentials', scope: SCOPES[0] as string }
        if (takesResource) body.resource = RESOURCE
        return (await askForTokens(await endpoints(), clients.machine, body)).access
      },
    }),
  }
}

/** RFC 7009. */
export async function revokeAt(endpoints: Promise<Endpoints>, client: Client, token: string): Promise<void> {
  const { revocation_endpoint } = await endpoints
  const response = await postAs(client, revocation_endpoint ?? '', { token, token_type_hint: 'access_token' })
  if (!response.ok) throw new Error(`not revoked: ${response.status} ${await response.text()}`)
}
