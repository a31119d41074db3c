import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuthorizerOptions, createAuthorizer } from '../../app/client/authorizer.ts'
import {
  authorizationCodeGrant,
  clientCredentialsGrant,
  identityAssertionGrant,
  workloadGrant,
} from '../../app/client/grants.ts'
import { openSession, type Tool } from '../../app/client/session.ts'
import { createTokenFile } from '../../app/client/token-file.ts'
import { listenForBrowser } from '../../app/client/visit.ts'

// What the conformance suite runs: our client, told what an operator would tell it, with a browser that agrees to everything.
// The suite appends the URL of its server, and gives the rest in the environment.

const server = new URL(process.argv.at(-1) ?? '')
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? ''
const protocol = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION
const context: Record<string, string> & { toolCalls?: { name: string; arguments: Record<string, unknown> }[] } =
  JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}')

const folder = await mkdtemp(join(tmpdir(), 'idplug-client-'))
const agree = async (url: string) => {
  await (await fetch(url)).text()
}
const browser = authorizationCodeGrant(kept => listenForBrowser({ openBrowser: agree, say: () => undefined }, kept))
const given = {
  clientId: context.client_id ?? '',
  ...(context.client_secret && { clientSecret: context.client_secret }),
}

async function signInOptions(): Promise<Partial<AuthorizerOptions>> {
  switch (scenario) {
    case 'auth/basic-cimd':
      return { clientMetadataUrl: 'https://conformance-test.local/client-metadata.json' }
    case 'auth/pre-registration':
      return { client: given, issuer: context.issuer }
    case 'auth/dpop':
    case 'auth/dpop-nonce':
      return { dpop: true }
    case 'auth/client-credentials-basic':
      return { client: given, issuer: await issuer(), grant: clientCredentialsGrant() }
    case 'auth/client-credentials-jwt': {
      const key = { privateKey: context.private_key_pem ?? '', algorithm: context.signing_algorithm ?? '' }
      return { client: given, issuer: await issuer(), grant: clientCredentialsGrant(key) }
    }
    case 'auth/wif-jwt-bearer':
      return { client: given, issuer: await issuer(), grant: workloadGrant(async () => context.valid_jwt ?? '') }
    case 'auth/enterprise-managed-authorization': {
      const idp = { url: context.idp_issuer ?? '', clientId: context.idp_client_id ?? '' }
      const idToken = async () => context.idp_id_token ?? ''
      return { client: given, issuer: await issuer(), grant: identityAssertionGrant({ ...idp, idToken }) }
    }
    default:
      return {}
  }
}

/** An operator knows where the credentials are from; here only the server says it. */
async function issuer(): Promise<string> {
  const answer = await fetch(new URL(`/.well-known/oauth-protected-resource${server.pathname}`, server))
  const { authorization_servers } = (await answer.json()) as { authorization_servers: string[] }
  return authorization_servers[0] ?? ''
}

function callsFor(tools: readonly Tool[]): { name: string; arguments: Record<string, unknown> }[] {
  if (scenario === 'json-schema-2020-12-preservation') {
    const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema
    return [{ name: 'json_schema_echo', arguments: { schema } }]
  }
  return context.toolCalls ?? tools.map(tool => ({ name: tool.name, arguments: sample(tool) }))
}

function sample({ inputSchema }: Tool): Record<string, unknown> {
  const samples: Record<string, unknown> = { number: 1, integer: 1, boolean: true, string: 'x', array: [], object: {} }
  const entries = Object.entries(inputSchema.properties ?? {}) as [string, { type?: string }][]
  return Object.fromEntries(entries.map(([name, { type }]) => [name, samples[type ?? 'object']]))
}

const authorizer = createAuthorizer({
  server,
  fetch,
  store: createTokenFile(join(folder, 'tokens.json')),
  grant: browser,
  now: Date.now,
  ...(await signInOptions()),
})
try {
  const session = await openSession({
    server,
    authorizer,
    fetch,
    version: '1.0.0',
    protocol,
    elicit: async () => ({ action: 'accept', content: {} }),
  })
  for (const { name, arguments: args } of callsFor(await session.tools())) await session.call(name, args)
  await session.close()
} finally {
  await rm(folder, { recursive: true })
}
