import type { Operation } from '../src/auth.ts'
import type { ResourceDeclaration } from './declaration.ts'
import { templateMatcher } from './uri-template.ts'

/** A declaration made ready to decide by: everything that can be worked out once is worked out once. */
export interface AccessTable {
  /** Every scope of the server, in the order of the declaration. */
  readonly scopes: readonly string[]
  /**
   * Every scope that a parsed JSON-RPC body needs: of one message, or of all messages of a batch. A body that is not JSON-RPC needs
   * none; the protocol layer refuses it.
   */
  requiredScopes(body: unknown): readonly string[]
  /** Whether some body is answered without a token. */
  readonly allowsAnonymous: boolean
  /** Whether a parsed body is answered without a token: every message of a batch. */
  isAnonymous(body: unknown): boolean
  /** Whether scopes of a token cover those that are needed, directly or because one includes another. */
  covers(held: readonly string[], needed: readonly string[]): boolean
  /** The rule that names what a request is about; `undefined` where only `otherwise` holds. */
  declaredFor(message: unknown): readonly string[] | undefined
  /** Scopes for one tool, resource or prompt. */
  scopesOf(kind: OperationKind, name: string): readonly string[]
}

export type OperationKind = 'tool' | 'resource' | 'prompt'

/** What a client needs before it can call anything, by revision: `initialize` up to 2025-11-25, `server/discover` from 2026-07-28. */
const HANDSHAKE = ['initialize', 'notifications/initialized', 'ping', 'server/discover', 'notifications/cancelled']

const NONE: readonly string[] = Object.freeze([])

type Message = { method?: unknown; params?: unknown }

export function createAccessTable(declaration: ResourceDeclaration): AccessTable {
  const { scopes, initialScopes = NONE, includes = {}, access = {} } = declaration
  const otherwise = access.otherwise ?? initialScopes
  const tools = new Map(Object.entries(access.tools ?? {}))
  const prompts = new Map(Object.entries(access.prompts ?? {}))
  const methods = new Map(Object.entries(access.methods ?? {}))
  const resourceScopes = createResourceRules(access.resources ?? {}, otherwise)
  const holders = holdersOf(includes)

  const anonymousTools = new Set(access.anonymous?.tools)
  const anonymousMethods = new Set(access.anonymous?.methods)
  const allowsAnonymous = anonymousTools.size + anonymousMethods.size > 0
  if (allowsAnonymous) for (const method of HANDSHAKE) anonymousMethods.add(method)

  function scopesOf(kind: OperationKind, name: string): readonly string[] {
    if (kind === 'resource') return resourceScopes.declared(name) ?? resourceScopes.undeclared(name)
    return (kind === 'tool' ? tools : prompts).get(name) ?? otherwise
  }

  function scopesOfMessage(message: Message | null | undefined): readonly string[] {
    const method = message?.method
    if (typeof method !== 'string') return NONE
    const target = targetOf(method, message?.params)
    const ofTarget =
      target === undefined ? scopesOfSubscriptions(method, message?.params) : scopesOf(target.kind, target.name)
    const ofMethod = methods.get(method)
    return ofMethod === undefined || ofMethod.length === 0 ? ofTarget : union(ofMethod, ofTarget)
  }

  /** From revision 2026-07-28 on, one request subscribes to several resources. */
  function scopesOfSubscriptions(method: string, params: unknown): readonly string[] {
    if (method !== 'subscriptions/listen') return NONE
    const { resourceSubscriptions: uris } =
      ((params ?? {}) as { notifications?: { resourceSubscriptions?: unknown } }).notifications ?? {}
    return Array.isArray(uris) ? [...new Set(uris.flatMap(uri => scopesOf('resource', text(uri))))] : NONE
  }

  function isAnonymousMessage(message: Message | null | undefined): boolean {
    const method = message?.method
    if (typeof method !== 'string') return false
    if (anonymousMethods.has(method)) return scopesOfSubscriptions(method, message?.params).length === 0
    const target = method === 'tools/call' ? targetOf(method, message?.params) : undefined
    return target !== undefined && anonymousTools.has(target.name)
  }

  return {
    scopes: Object.keys(scopes),
    allowsAnonymous,
    scopesOf,
    declaredFor(message) {
      const { method, params } = message as { method: string; params?: unknown }
      const target = targetOf(method, params)
      if (target === undefined) return methods.get(method)
      if (target.kind === 'resource') return resourceScopes.declared(target.name)
      return (target.kind === 'tool' ? tools : prompts).get(target.name)
    },
    requiredScopes: body =>
      Array.isArray(body) ? [...new Set(body.flatMap(scopesOfMessage))] : scopesOfMessage(body as Message),
    isAnonymous: body =>
      Array.isArray(body) ? body.length > 0 && body.every(isAnonymousMessage) : isAnonymousMessage(body as Message),
    covers: (held, needed) =>
      needed.every(scope => held.includes(scope) || holders.get(scope)?.some(holder => held.includes(holder)) === true),
  }
}

/** What a body asks for, for logs: of the first message of a batch. */
export function operationOf(body: unknown): Operation | undefined {
  const message = (Array.isArray(body) ? body[0] : body) as Message | null | undefined
  if (typeof message?.method !== 'string') return undefined
  return { method: message.method, name: targetOf(message.method, message.params)?.name }
}

/** The tool, resource or prompt that a request is about. One without a name is about none that exists, and none that is listed. */
function targetOf(method: string, params: unknown): { kind: OperationKind; name: string } | undefined {
  const { name, uri, ref } = (params ?? {}) as { name?: unknown; uri?: unknown; ref?: unknown }
  switch (method) {
    case 'tools/call':
      return { kind: 'tool', name: text(name) }
    case 'prompts/get':
      return { kind: 'prompt', name: text(name) }
    case 'resources/read':
    case 'resources/subscribe':
      return { kind: 'resource', name: text(uri) }
    case 'completion/complete': {
      // Suggestions for the arguments of a prompt or the variables of a resource tell what is behind it.
      const { type, name: prompt, uri: template } = (ref ?? {}) as { type?: unknown; name?: unknown; uri?: unknown }
      return type === 'ref/prompt' ? { kind: 'prompt', name: text(prompt) } : { kind: 'resource', name: text(template) }
    }
    default:
      return undefined
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/**
 * Rules by URI and by URI template. The URI's own rule counts, else those of all templates that it matches. One that matches a
 * template only by a generous reading needs what that template needs *and* what unlisted resources need, so that no way of
 * spelling a URI leads past a rule.
 */
function createResourceRules(
  rules: Readonly<Record<string, readonly string[]>>,
  otherwise: readonly string[],
): ResourceRules {
  const exact = new Map<string, readonly string[]>()
  const templates: { matches: ReturnType<typeof templateMatcher>; scopes: readonly string[] }[] = []
  for (const [uri, scopes] of Object.entries(rules)) {
    exact.set(uri, scopes)
    if (uri.includes('{')) templates.push({ matches: templateMatcher(uri), scopes })
    else exact.set(normalized(uri), scopes)
  }
  const matching = (uri: string, how: 'yes' | 'nearly') => {
    const spellings = [uri, normalized(uri)]
    return templates.filter(({ matches }) => spellings.some(spelling => matches(spelling) === how))
  }
  return {
    declared(uri) {
      const own = exact.get(uri) ?? exact.get(normalized(uri))
      if (own !== undefined || templates.length === 0) return own
      const found = matching(uri, 'yes')
      return found.length === 0 ? undefined : union(...found.map(({ scopes }) => scopes))
    },
    undeclared: uri => union(otherwise, ...matching(uri, 'nearly').map(({ scopes }) => scopes)),
  }
}

interface ResourceRules {
  /** Of the rules that name a URI. */
  declared(uri: string): readonly string[] | undefined
  /** Of all other URIs. */
  undeclared(uri: string): readonly string[]
}

/** As the MCP SDKs spell a URI before they look it up. */
function normalized(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).href : uri
}

/** By scope: every scope that includes it, in however many steps. */
function holdersOf(
  includes: Readonly<Partial<Record<string, readonly string[]>>>,
): ReadonlyMap<string, readonly string[]> {
  const holders = new Map<string, string[]>()
  for (const holder of Object.keys(includes)) {
    const reached = new Set<string>()
    const open = [holder]
    for (let scope = open.pop(); scope !== undefined; scope = open.pop()) {
      for (const included of includes[scope] ?? []) {
        if (reached.has(included)) continue
        reached.add(included)
        open.push(included)
      }
    }
    for (const scope of reached) holders.set(scope, [...(holders.get(scope) ?? []), holder])
  }
  return holders
}

function union(...lists: readonly (readonly string[])[]): readonly string[] {
  const [first, ...others] = lists.filter(list => list.length > 0)
  if (!first) return NONE
  return others.length === 0 ? first : [...new Set([first, ...others].flat())]
}
