import { type Check, failed, passed, skipped } from '../../check.ts'
import { mcp, rfc } from '../../documents.ts'
import { NOT_CALLED } from '../../exchange.ts'
import { type AuthorizationServer, answerOf, authorizationServers, type Document } from '../../facts.ts'
import type { Target } from '../../target.ts'

/** Checks each server that publishes something; they fail with the first that does not do as it should. */
function ofEach(problemOf: (document: Document, server: AuthorizationServer) => string | undefined): Check['run'] {
  return async (target: Target) => {
    const servers = (await authorizationServers(target)).filter(({ document }) => document !== undefined)
    if (servers.length === 0) return skipped('no metadata of an authorization server was found (P12)')
    for (const server of servers) {
      const problem = problemOf(server.document as Document, server)
      const last = server.asked.at(-1)
      if (problem && last) return failed(`${server.issuer}: ${problem}`, last)
    }
    return passed()
  }
}

/** What the authorization servers publish that the metadata names. */
export const authorizationServerChecks: readonly Check[] = [
  {
    id: 'P12',
    title: 'The authorization servers publish metadata where clients look',
    level: 'MUST',
    source: mcp(
      'Overview',
      'MCP authorization servers MUST provide at least one of the following discovery mechanisms',
    ),
    tier: 0,
    async run(target) {
      const servers = await authorizationServers(target)
      if (servers.length === 0) return skipped('the metadata names none (P10)')
      const silents = servers.filter(({ document }) => document === undefined)
      const [uncalled] = silents
      if (!uncalled) return passed()
      const silent = silents.find(({ asked }) => !asked.some(({ failure }) => failure?.startsWith(NOT_CALLED)))
      // That is a rule of this kit, and no mistake of the server.
      if (!silent) return skipped(`${uncalled.issuer} was ${uncalled.asked.at(-1)?.failure}`)
      const answers = silent.asked.map(answerOf).join(', ')
      return failed(`nothing is found for ${silent.issuer}: ${answers || 'it is no URL'}`, ...silent.asked)
    },
  },
  {
    id: 'P13',
    title: 'Their issuer is the one that was looked for, byte for byte',
    level: 'MUST',
    source: rfc(
      'RFC 8414',
      '3.3',
      'The "issuer" value returned MUST be identical to the authorization server\'s issuer identifier value into which the well-known URI string was inserted to create the URL used to retrieve the metadata.',
    ),
    tier: 0,
    run: ofEach(({ issuer: own }, { issuer }) =>
      own === issuer
        ? undefined
        : `calls itself ${typeof own === 'string' ? own : 'nothing'}, so clients must not use it`,
    ),
  },
  {
    id: 'P14',
    title: 'They say that they support PKCE with S256',
    level: 'MUST',
    source: mcp(
      'Authorization Code Protection',
      'If `code_challenge_methods_supported` is absent, the authorization server does not support PKCE and MCP clients MUST refuse to proceed.',
      'security',
    ),
    tier: 0,
    run: ofEach(({ code_challenge_methods_supported: methods }) => {
      if (methods === undefined) return 'code_challenge_methods_supported is absent'
      return Array.isArray(methods) && methods.includes('S256') ? undefined : 'S256 is not among the methods'
    }),
  },
  {
    id: 'P15',
    title: 'They put iss into authorization responses, and say so',
    level: 'SHOULD',
    source: mcp(
      'Authorization Response Validation',
      'MCP authorization servers SHOULD include the `iss` parameter in authorization responses, including error responses, as defined in RFC9207 Section 2.',
    ),
    tier: 0,
    run: ofEach(({ authorization_response_iss_parameter_supported: supported }) =>
      supported === true ? undefined : 'authorization_response_iss_parameter_supported is not true',
    ),
  },
  {
    id: 'P16',
    title: 'Clients can get an id: by a metadata document or by registration',
    level: 'SHOULD',
    source: mcp(
      'Client ID Metadata Documents',
      'MCP clients and authorization servers SHOULD support OAuth Client ID Metadata Documents as specified in OAuth Client ID Metadata Document for client registration.',
      'registration',
    ),
    tier: 0,
    run: ofEach(({ client_id_metadata_document_supported: documents, registration_endpoint: registration }) =>
      documents === true || typeof registration === 'string'
        ? undefined
        : 'clients cannot register themselves: a person has to give each of them a client id',
    ),
  },
]
