import { didYouMean } from '../src/closest.ts'
import type { ConfigProblem } from '../src/config-error.ts'
import { pathProblem, resourceProblem } from '../src/resource.ts'
import { declarationSchema } from './declaration-schema.ts'
import { schemaProblems } from './schema-check.ts'
import { formOf } from './similar-names.ts'

/**
 * One MCP server as a protected resource (RFC 9728). Data only: the same object may be a JSON file (`AUTH_RESOURCE=files.json`).
 *
 * @typeParam Scope - Names of the scopes, inferred from {@link scopes}, so that a misspelled scope does not compile.
 */
export interface ResourceDeclaration<Scope extends string = string> {
  /** For editors, in a JSON file. */
  readonly $schema?: string
  /**
   * Identifier of this server (RFC 8707 §2) and URL of its MCP endpoint, as clients type it: `https:`, or `http:` on loopback; no
   * query, no fragment. A path such as `/api/mcp` is appended to `PUBLIC_URL`. Default: `/mcp`.
   */
  readonly resource?: string
  /** Name shown to people: on the consent page, and as `resource_name` in the metadata. */
  readonly name: string
  /** Every scope of this server, with what it allows, as the consent page puts it. `{}`: any valid token may do everything. */
  readonly scopes: Readonly<Record<Scope, string>>
  /**
   * Scopes that a client should request first: `scope` in the 401 challenge. Required unless `scopes` is `{}` or
   * `access.otherwise` is given. `AUTH_SIGN_IN_SCOPES` changes what clients are told to ask for, never what an operation needs.
   */
  readonly initialScopes?: readonly NoInfer<Scope>[]
  /** Scopes that include others, such as `{ 'files:admin': ['files:read', 'files:write'] }`. Default: none. */
  readonly includes?: Readonly<Partial<Record<NoInfer<Scope>, readonly NoInfer<Scope>[]>>>
  /**
   * More URLs at which clients reach this server, without the path of the endpoint. The `Host` header picks the one that
   * metadata and challenge name; a token for any of them is accepted at all of them. Default: those that `PUBLIC_URL` lists after
   * its first.
   */
  readonly publicUrls?: readonly string[]
  /** `hide` omits from listings what the token cannot use (gateway only; in a server use `auth.allows`). Default: `same`, for everybody. */
  readonly listing?: 'same' | 'hide'
  /**
   * `compared`: the server refuses every request whose `Mcp-Method` or `Mcp-Name` header differs from its body, batches included, as
   * revision 2026-07-28 requires. Forward auth then checks the scopes of these headers. Default: `unchecked`; a request whose body it does
   * not see needs the scopes of every operation.
   */
  readonly mcpHeaders?: 'compared' | 'unchecked'
  /** What each operation needs. Default: every operation needs {@link initialScopes}. */
  readonly access?: AccessRules<NoInfer<Scope>>
  /** URL of a documentation page for people: `resource_documentation` in the metadata. Default: none. */
  readonly documentation?: string
}

/** Scopes that operations need. A rule names *all* scopes of its operation. */
export interface AccessRules<Scope extends string = string> {
  readonly tools?: Readonly<Record<string, readonly Scope[]>>
  /** By URI, or by URI template (RFC 6570). */
  readonly resources?: Readonly<Record<string, readonly Scope[]>>
  readonly prompts?: Readonly<Record<string, readonly Scope[]>>
  /**
   * By JSON-RPC method, in addition to the rule of the tool, resource or prompt. Methods without a rule need a valid
   * token and no scope.
   */
  readonly methods?: Readonly<Record<string, readonly Scope[]>>
  /**
   * Scopes for tools, resources and prompts without a rule. Default: {@link ResourceDeclaration.initialScopes}. Say `[]` to let
   * anybody with a valid token call a tool that you forget to list.
   */
  readonly otherwise?: readonly Scope[]
  /**
   * What is answered without a token. If it is not empty, that includes the handshake. Without a token, a body larger than 64 kB is
   * refused with 401. GET and DELETE always need a token. Default: nothing.
   */
  readonly anonymous?: { readonly methods?: readonly string[]; readonly tools?: readonly string[] }
}

/** Scope-token of RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * What of a declaration cannot work, all of it. Places are paths such as `access.tools.write_file`.
 *
 * @param place - Put before every path, where several declarations are checked together: `files.`.
 */
export function declarationProblems(declaration: ResourceDeclaration, place = ''): ConfigProblem[] {
  const shape = schemaProblems(declaration, declarationSchema, place.replace(/\.$/, ''))
  if (typeof declaration !== 'object' || declaration === null || Array.isArray(declaration)) return shape
  const misshapen = new Set(shape.map(({ setting }) => setting.slice(place.length).split('.')[0]))
  // What else is wrong is told, too.
  const sound = Object.fromEntries(
    Object.entries(declaration).filter(([member]) => !misshapen.has(member)),
  ) as unknown as ResourceDeclaration
  const problems = [...shape]
  const report = (path: string, problem: string) => void problems.push({ setting: `${place}${path}`, problem })
  if (!misshapen.has('scopes')) {
    checkScopes(sound, report)
    if (!misshapen.has('initialScopes') && !misshapen.has('access')) checkDefault(sound, report)
  }
  checkAnonymous(sound, report)
  checkUrls(sound, report)
  return problems
}

type Report = (path: string, problem: string) => void

function checkScopes(declaration: ResourceDeclaration, report: Report): void {
  const { scopes, initialScopes, includes = {}, access = {} } = declaration
  const declared = Object.keys(scopes)
  for (const scope of declared) {
    if (!SCOPE.test(scope)) report(`scopes.${scope}`, 'is not a scope: use visible ASCII characters, no space or quote')
    if (scope === 'offline_access') {
      report(
        `scopes.${scope}`,
        'is not a scope of your server: clients request it from the authorization server on their own',
      )
    }
  }
  const check = (path: string, named: readonly string[]) => {
    for (const scope of named) {
      if (!Object.hasOwn(scopes, scope))
        report(path, `names ${scope}, which is not declared${didYouMean(scope, declared)}`)
    }
  }
  check('initialScopes', initialScopes ?? [])
  for (const [scope, others] of Object.entries(includes)) {
    check('includes', [scope])
    check(`includes.${scope}`, others ?? [])
  }
  for (const kind of ['tools', 'resources', 'prompts', 'methods'] as const) {
    for (const [name, needed] of Object.entries(access[kind] ?? {})) {
      const path = `access.${kind}.${name}`
      check(path, needed)
      if (name === '*') report(path, 'is one name: what all others need is access.otherwise')
    }
  }
  check('access.otherwise', access.otherwise ?? [])
}

function checkDefault({ scopes, initialScopes, access }: ResourceDeclaration, report: Report): void {
  if (Object.keys(scopes).length > 0 && initialScopes === undefined && access?.otherwise === undefined) {
    report(
      'initialScopes',
      'is missing: list the scopes that clients request first, and that tools without a rule need',
    )
  }
}

/** What two parts of a declaration say about one operation must not depend on which of them is read, nor on how a server spells it. */
function checkAnonymous({ access = {} }: ResourceDeclaration, report: Report): void {
  const { tools = [], methods = [] } = access.anonymous ?? {}
  const check = (place: 'tools' | 'methods', name: string, rules: 'tools' | 'methods', ruled: string) => {
    const isClosed = Object.entries(access[rules] ?? {}).some(
      ([other, scopes]) => scopes.length > 0 && formOf(other) === formOf(ruled),
    )
    if (isClosed) report(`access.anonymous.${place}`, `names ${name}, but access.${rules} requires scopes for ${ruled}`)
  }
  if (tools.length > 0) check('tools', 'tools', 'methods', 'tools/call')
  for (const tool of tools) check('tools', tool, 'tools', tool)
  for (const method of methods) {
    check('methods', method, 'methods', method)
    const form = formOf(method)
    if (form === 'tools/call' || form === 'resources/read' || form === 'prompts/get') {
      const instead = form === 'tools/call' ? ': list the tools in access.anonymous.tools' : ''
      report(
        'access.anonymous.methods',
        `must not name ${method}, which would open every operation of that method${instead}`,
      )
    }
  }
}

function checkUrls({ resource, publicUrls = [], documentation }: ResourceDeclaration, report: Report): void {
  if (resource !== undefined) {
    const problem = resource.startsWith('/') ? pathProblem(resource) : resourceProblem(resource)
    if (problem) report('resource', problem)
    else if (/^([a-z]+:\/\/[^/]*)?\/\.well-known(\/|$)/i.test(resource)) {
      report('resource', 'must not be below /.well-known/, where metadata is served')
    }
  }
  for (const [index, url] of publicUrls.entries()) {
    const problem = resourceProblem(url)
    if (problem) report(`publicUrls.${index}`, problem)
  }
  if (documentation !== undefined && !URL.canParse(documentation)) report('documentation', 'is not an absolute URL')
}
