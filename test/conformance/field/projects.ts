import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Issuer } from '../../../app/conformance/issuer/issuer.ts'
import { type Command, commandOf, examples, folderOf } from '../../servers/examples.ts'

/** Somebody's sign-in for MCP servers, in front of a tool `whoami` and one that needs a second scope. */
export interface Project {
  /** Of its file of results. */
  readonly id: string
  /** As the table calls it. */
  readonly name: string
  /** Folder with the packages that are installed for the program. */
  readonly folder: string
  /** Packages whose versions the results are about; the first one is the project. */
  readonly packages: readonly string[]
  /** What the program follows. */
  readonly documentation: string
  /** What was configured, and what a reader has to know to read the results fairly. */
  readonly configured: readonly string[]
  /** What every request needs, and what the tool needs beside it. */
  readonly scopes: readonly [least: string, more: string]
  /** The tool that needs the second scope; `undefined`: it has no way to say that a tool needs one. */
  readonly tool?: string
  /** A tool that calls the issuer's downstream URL. */
  readonly downstreamTool?: string
  /**
   * It takes only tokens that it issued itself, after a sign-in that approves at once; this is the path of another resource that it
   * issues tokens for.
   */
  readonly otherResource?: string
  /** How the program is started, and told whose tokens it takes. */
  command(place: Place): Command
}

export interface Place {
  readonly port: number
  readonly issuer: Pick<Issuer, 'url' | 'jwksUri' | 'metadataUrl' | 'downstreamUrl'>
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const OUR_VERIFIER =
  'Its documentation leaves the verification of tokens to its users. Ours is jose with issuer, audience, algorithm, `typ`, `exp` and `sub` (`verify.ts`), so that section V speaks of those lines.'

type Other = Pick<Project, 'id' | 'name' | 'packages' | 'documentation' | 'configured' | 'otherResource'> & {
  readonly hasNoScopes?: true
}

const others: readonly Other[] = [
  {
    id: 'sdk-1',
    name: 'MCP TypeScript SDK 1.x, `requireBearerAuth`',
    packages: ['@modelcontextprotocol/sdk'],
    documentation: 'https://github.com/modelcontextprotocol/typescript-sdk/tree/v1.x/src/examples/server',
    configured: [
      '`createMcpExpressApp`, `mcpAuthMetadataRouter` and `requireBearerAuth` with `requiredScopes` and `expectedResource`, in front of a server with sessions, as the example `simpleStreamableHttp --oauth-strict` does it.',
      OUR_VERIFIER,
      'Scopes of a tool are checked in the tool, which answers with `isError`: the gate has no option for them.',
      'With `enableDnsRebindingProtection` and `allowedOrigins` of its transport, C16 would come out differently; with the middleware `cors`, C11 and C12.',
    ],
  },
  {
    id: 'sdk-2',
    name: 'MCP TypeScript SDK 2.x, `requireBearerAuth`',
    packages: ['@modelcontextprotocol/express', '@modelcontextprotocol/server', '@modelcontextprotocol/node'],
    documentation: 'https://github.com/modelcontextprotocol/typescript-sdk/blob/main/docs/serving/authorization.md',
    configured: [
      '`createMcpExpressApp`, `mcpAuthMetadataRouter` and `requireBearerAuth` with `requiredScopes` and `expectedResource`; `scopeChallenge: requireScopes(…)` on the tool.',
      OUR_VERIFIER,
    ],
  },
  {
    id: 'fastmcp',
    name: 'fastmcp (TypeScript), `authenticate` of its README',
    packages: ['fastmcp', 'fast-jwt', 'get-jwks'],
    documentation: 'https://github.com/punkpeye/fastmcp#oauth-discovery-endpoints',
    configured: [
      '`oauth` and `authenticate` as in the section "OAuth Discovery Endpoints" of the README, with the libraries that it uses; `canAccess` on the tool.',
      'Section V speaks of the lines of that README: they check neither issuer nor audience. With `allowedIss`, `allowedAud`, `requiredClaims` and `checkTyp`, which are options of fast-jwt, V02, V03, V05 to V08, V17 and V18 would come out differently. B06 is the comparison with "Bearer " there.',
      '`authenticate` throws a `Response`, as in the README. Where it throws an `Error` or returns nothing, fastmcp itself answers 401 with a challenge, and C02, C04 and B09 would come out differently.',
      'What the README calls OAuth Proxy was not used: it issues tokens of its own and takes none of another issuer.',
    ],
  },
  {
    id: 'mcp-handler',
    name: 'mcp-handler, `withMcpAuth`',
    packages: ['mcp-handler', '@modelcontextprotocol/server'],
    documentation: 'https://github.com/vercel/mcp-handler/blob/main/docs/AUTHORIZATION.md',
    configured: [
      '`withMcpAuth` with `requiredScopes`, `resourceMetadataPath` and `resourceUrl`; `protectedResourceHandler` and `metadataCorsOptionsRequestHandler`, in Hono on Node.',
      OUR_VERIFIER,
      'Scopes of a tool are checked in the tool, which answers with `isError`: its documentation names no other way.',
    ],
  },
  {
    id: 'hono-mcp',
    name: '@hono/mcp, `bearerAuth`',
    packages: ['@hono/mcp', 'hono', '@modelcontextprotocol/sdk'],
    documentation: 'https://github.com/honojs/middleware/tree/main/packages/mcp#auth',
    configured: [
      '`simpleMcpAuthRouter` with `issuer` and `resourceServerUrl`, and `bearerAuth` with `verifyToken`, without further options.',
      OUR_VERIFIER,
      'The options `noAuthenticationHeader` and `invalidToken` of `bearerAuth` take a challenge of your own, with which C03 and C04 would come out differently.',
      '`bearerAuth` tells tools nothing of the token, so that no tool can need a scope.',
    ],
    hasNoScopes: true,
  },
  {
    id: 'mcp-use',
    name: 'mcp-use, `oauthCustomProvider`',
    packages: ['mcp-use', '@modelcontextprotocol/server'],
    documentation: 'https://docs.mcp-use.com/v2/typescript/server',
    configured: [
      '`oauthCustomProvider` with `requiredScopes`, `scopesSupported` and its own `createJwtVerifier`, so that section V speaks of mcp-use itself.',
      'Scopes of a tool are checked in the tool, which answers with `isError`.',
      'Its option `allowedOrigins` turns the check of `Origin` on (C16).',
    ],
  },
  {
    id: 'mcp-auth',
    name: 'mcp-auth',
    packages: ['mcp-auth', '@modelcontextprotocol/sdk'],
    documentation: 'https://github.com/mcp-auth/js/tree/master/packages/sample-servers',
    configured: [
      "`protectedResources` and `bearerAuth('jwt')` with `resource`, `audience` and `requiredScopes`, as its sample `todo-manager` does it; verification is its own, so that section V speaks of mcp-auth itself.",
      'Scopes of a tool are checked in the tool, which throws `MCPAuthBearerAuthError`, as in the sample.',
    ],
  },
  {
    id: 'better-auth',
    name: 'better-auth, `createMcpProtectedRequestHandler`',
    packages: ['@better-auth/mcp', 'better-auth', '@modelcontextprotocol/server'],
    documentation: 'https://better-auth.com/docs/plugins/mcp#remote-mcp-server',
    configured: [
      '`createMcpProtectedRequestHandler` with `issuer`, `audience`, `jwksUrl` and `requiredScopes`, for an MCP server apart from its authorization server; verification is its own, so that section V speaks of better-auth itself.',
      'In 1.7.5, the versions that were released together: the newest `@better-auth/mcp` needs better-call 1.4.0, and the newest better-auth (1.7.25) brings a later one, so that npm refuses the two.',
      'The metadata is what `getProtectedResourceMetadata` of `@better-auth/oauth-provider` makes, served by Hono on Node.',
      'The handler looks which tool is called, and throws `createInsufficientScopeError` with the scope that is missing, as the page does it; with both scopes, S03 comes out differently.',
      'With `typ` and `requiredClaims` in its option `jwtVerifyOptions`, V08, V17, V18 and V20 come out differently; with the middleware `cors` of Hono and its `exposeHeaders`, C11, C12 and P22.',
      'D05 is an exception inside the library, which turns a proof of another type into the answer 500.',
      'Its authorization server, the plugin `mcp`, was not assessed, nor was `requireMcpAuth`, which leads to the same handler.',
    ],
  },
  {
    id: 'workers-oauth-provider',
    name: '@cloudflare/workers-oauth-provider, `OAuthResourceServer`',
    packages: ['@cloudflare/workers-oauth-provider', '@modelcontextprotocol/server', 'miniflare'],
    documentation:
      'https://github.com/cloudflare/workers-oauth-provider/blob/main/docs/resource-servers.md#same-worker',
    configured: [
      '`OAuthAuthorizationServer` and `OAuthResourceServer` in one Worker, in workerd with the KV namespace of miniflare; the authorization endpoint approves at once, as the one on that page.',
      'It takes the tokens that it issued itself. An official client got them by registering and signing in: one with both scopes, one with the first scope, and one for another resource. The checks that need tokens of our making (most of section V, and sections O and D) are skipped: nothing is said there.',
      'The handler looks which tool is called, and answers `insufficientScope`, as the page does it.',
      'Its option `validateToken` could also take tokens of another issuer, with verification of your own; that was not assessed.',
    ],
    otherResource: '/other',
  },
]

const OIDC = '`AUTH_PROVIDER=oidc` and `AUTH_METADATA_URL`; without `NODE_ENV=production`, which insists on https.'
const ours = ({ issuer }: Place) => ({
  // In production it would insist on https.
  NODE_ENV: 'development',
  AUTH_PROVIDER: 'oidc',
  AUTH_METADATA_URL: issuer.metadataUrl,
})

interface Own {
  /** The framework and the SDK. */
  readonly packages: readonly string[]
  readonly configured?: readonly string[]
}

/** The examples of this repository, by folder. */
const own: Readonly<Record<string, Own>> = {
  express: { packages: ['express', '@modelcontextprotocol/sdk'] },
  'express-4': {
    packages: ['express', '@modelcontextprotocol/sdk'],
    configured: ['`DPOP=off`: `requireBearerAuth` of the SDK, which the server keeps, takes bearer tokens only.'],
  },
  'express-sdk2': { packages: ['express', '@modelcontextprotocol/server'] },
  fetch: { packages: ['@hono/node-server', '@modelcontextprotocol/server'] },
  node: { packages: ['@modelcontextprotocol/sdk'] },
  hono: { packages: ['hono', '@modelcontextprotocol/server'] },
  'hono-mcp': { packages: ['hono', '@hono/mcp', '@modelcontextprotocol/sdk'] },
  fastify: { packages: ['fastify', '@modelcontextprotocol/sdk'] },
  nest: { packages: ['@nestjs/core', '@modelcontextprotocol/server'] },
  fastmcp: {
    packages: ['fastmcp'],
    configured: [
      'fastmcp shows no body before it handles a request, so that no client gets a 403 (S01), and a token of few scopes does not see the tool.',
    ],
  },
  'mcp-use': {
    packages: ['mcp-use'],
    configured: ['`DPOP=off`: mcp-use reads `Authorization` itself, and takes bearer tokens only.'],
  },
  next: {
    packages: ['next', 'mcp-handler', '@modelcontextprotocol/server'],
    configured: ['With `next dev`. Of two `Authorization` headers, Next.js hands over the first one only (B02).'],
  },
  cloudflare: { packages: ['wrangler', '@modelcontextprotocol/server'] },
}

export const projects: readonly Project[] = [
  ...others.map(
    ({ hasNoScopes, ...other }): Project => ({
      ...other,
      folder: here('./packages/'),
      scopes: ['notes:read', 'notes:write'],
      tool: hasNoScopes ? undefined : 'purge_notes',
      command: ({ port, issuer }) => ({
        args: [here(`./packages/${other.id}.ts`)],
        cwd: tmpdir(),
        env: {
          NODE_ENV: 'production',
          HOME: process.env.HOME,
          MCP_USE_ANONYMIZED_TELEMETRY: 'false',
          PORT: String(port),
          ISSUER: issuer.url,
          JWKS_URI: issuer.jwksUri,
        },
      }),
    }),
  ),
  ...examples.map((example): Project => {
    const { name } = example
    const { packages, configured = [] } = own[name] as Own
    return {
      id: `idplug-${name}`,
      name: `idplug, example \`${name}\``,
      packages: ['idplug', ...packages],
      folder: folderOf(name),
      documentation: `https://github.com/idplug/idplug/tree/main/docs/examples/servers/${name}`,
      configured: [OIDC, ...configured],
      scopes: ['files:read', 'files:write'],
      tool: 'write_file',
      command: place => commandOf(example, place.port, ours(place)),
    }
  }),
  {
    id: 'idplug-gateway',
    name: 'idplug, `idplug gateway`',
    packages: ['idplug'],
    folder: folderOf('express'),
    documentation: 'https://github.com/idplug/idplug/blob/main/docs/gateway.md',
    configured: ['`--to` and a declaration with a scope for one tool. The tool `whoami` calls the issuer (V29).', OIDC],
    scopes: ['notes:read', 'notes:write'],
    tool: 'purge_notes',
    downstreamTool: 'whoami',
    command: place => ({
      args: [here('./own/gateway.ts')],
      cwd: tmpdir(),
      env: {
        ...ours(place),
        PORT: String(place.port),
        PUBLIC_URL: `http://localhost:${place.port}`,
        AUTH_RESOURCE: here('./own/gateway.json'),
        DOWNSTREAM_URL: place.issuer.downstreamUrl,
      },
    }),
  },
]

/** Versions that are installed. */
export function versionsOf({ folder, packages }: Project): Record<string, string> {
  return Object.fromEntries(
    packages.map(name => {
      const manifest = readFileSync(`${folder}node_modules/${name}/package.json`, 'utf8')
      return [name, (JSON.parse(manifest) as { version: string }).version]
    }),
  )
}
