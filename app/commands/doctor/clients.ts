import { isLoopback } from 'idplug/internal'
import type { ServerFacts } from './server.ts'
import type { Metadata } from './tenant.ts'

/** What a client would do against a server, from what is known of both. */
export interface ClientOutlook {
  readonly client: string
  /** `set up`: a person has to give it a client id. `not verified`: nobody has written down what it does here. */
  readonly verdict: 'connects' | 'set up' | 'fails' | 'not verified'
  /** Why, or what to do; empty where nothing stands in its way. */
  readonly because: string
  /** Where the behaviour is documented. */
  readonly source: string
}

export interface KnownClient {
  readonly name: string
  /** Runs in somebody's cloud: it cannot reach this machine. */
  readonly cloud?: boolean
  /** Calls the server from a web page. */
  readonly browser?: boolean
  /** Publishes a client ID metadata document; registration (RFC 7591) is known to all. Absent: not verified. */
  readonly documents?: boolean
  /** Where a person enters a client id. */
  readonly manual?: string
  /** What it does where the metadata does not mention PKCE. */
  readonly withoutPkce: 'fails' | 'connects' | 'not verified'
  readonly source: string
}

/** Read in documents and reports, not measured: each claim stands in the source beside it. */
const CLIENTS: readonly KnownClient[] = [
  {
    name: 'claude.ai',
    cloud: true,
    documents: true,
    manual: 'Customize > Connectors > Add custom connector > Advanced settings',
    // https://github.com/anthropics/claude-ai-mcp/issues/104: never redirects at Entra ID, whose metadata lacks it.
    withoutPkce: 'fails',
    source: 'https://zuplo.com/learn/mcp/compatibility/clients/claude-connectors',
  },
  {
    name: 'Claude Code',
    documents: true,
    manual: 'claude mcp add --client-id ID --callback-port PORT',
    withoutPkce: 'not verified',
    source: 'https://zuplo.com/learn/mcp/compatibility/clients/claude-code',
  },
  {
    name: 'ChatGPT',
    cloud: true,
    documents: true,
    manual: 'a predefined OAuth client, in the settings of the connector',
    // The same page lists advertising PKCE among the requirements.
    withoutPkce: 'fails',
    source: 'https://developers.openai.com/apps-sdk/build/auth',
  },
  {
    name: 'VS Code',
    manual: 'the dialog that asks for a client id',
    withoutPkce: 'not verified',
    source: 'https://github.com/github/github-mcp-server/issues/1404',
  },
  {
    name: 'Cursor',
    manual: 'auth.CLIENT_ID in mcp.json',
    withoutPkce: 'not verified',
    source: 'https://cursor.com/docs/mcp',
  },
  {
    name: 'MCP Inspector',
    browser: true,
    manual: 'OAuth settings > Client ID',
    // https://github.com/modelcontextprotocol/typescript-sdk/issues/832: its SDK tolerates absence.
    withoutPkce: 'connects',
    source: 'https://github.com/modelcontextprotocol/inspector/issues/402',
  },
  {
    name: 'mcp-remote',
    manual: '--static-oauth-client-info',
    withoutPkce: 'connects', // version 1 of the same SDK
    source: 'https://zuplo.com/learn/mcp/compatibility/clients/mcp-remote',
  },
]

/** @param name - May end in a version. */
export function knownClient(name: string): KnownClient | undefined {
  return CLIENTS.find(client => name.startsWith(client.name))
}

/** What each well-known client would do against a server, by the first obstacle that it meets. */
export function clientOutlooks(facts: ServerFacts): ClientOutlook[] {
  return CLIENTS.map(client => {
    const { verdict, because } = obstacle(client, facts) ?? { verdict: 'connects' as const, because: '' }
    return { client: client.name, verdict, because, source: client.source }
  })
}

type Obstacle = Pick<ClientOutlook, 'verdict' | 'because'>

function obstacle(client: KnownClient, facts: ServerFacts): Obstacle | undefined {
  const { url, protects, pages, metadata, authorizationServers } = facts
  if (client.cloud && !isReachable(url)) return fails('it runs in a cloud and cannot reach this machine')
  if (!protects) return fails('the endpoint does not answer 401, so no sign-in begins')
  if (!metadata) return fails('it finds no resource metadata')
  if (client.browser && pages === 'none') return fails('a web page cannot read the challenge or the metadata')
  // Clients use the first one.
  const [server] = authorizationServers
  if (!server?.metadata) return fails('it finds no metadata of the authorization server')
  if (server.metadata.issuer !== server.issuer) return fails('the issuer is spelled in two ways')
  return pkceObstacle(client, server.metadata) ?? registrationObstacle(client, server.metadata, server.registers)
}

function pkceObstacle({ withoutPkce }: KnownClient, metadata: Metadata): Obstacle | undefined {
  const methods = metadata.code_challenge_methods_supported
  if (Array.isArray(methods) && methods.includes('S256')) return undefined
  if (methods !== undefined) return fails('the metadata lists PKCE methods without S256')
  if (withoutPkce === 'fails') return fails('the metadata does not mention PKCE')
  return withoutPkce === 'connects'
    ? undefined
    : { verdict: 'not verified', because: 'what it does where the metadata does not mention PKCE' }
}

function registrationObstacle(
  { documents, manual }: KnownClient,
  metadata: Metadata,
  registers: boolean,
): Obstacle | undefined {
  if (registers) return undefined
  if (metadata.client_id_metadata_document_supported === true && takesPublicClients(metadata)) {
    if (documents) return undefined
    return {
      verdict: 'not verified',
      because: 'whether it uses client ID metadata documents; it cannot register itself',
    }
  }
  return manual === undefined
    ? fails('it cannot register itself')
    : {
        verdict: 'set up',
        because: `it cannot register itself; enter a client id, and its secret where it has one: ${manual}`,
      }
}

/**
 * Whether clients without a secret are taken. Clients look before they use a document of theirs; what is absent means
 * client_secret_basic alone (RFC 8414 §2).
 */
export function takesPublicClients({ token_endpoint_auth_methods_supported: methods }: Metadata): boolean {
  return Array.isArray(methods) && methods.includes('none')
}

function fails(because: string): Obstacle {
  return { verdict: 'fails', because }
}

function isReachable(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' && !isLoopback(hostname)
}
