import type { Operation } from '../src/auth.ts'
import { clip } from '../src/text.ts'
import type { ResourceDeclaration } from './declaration.ts'
import { createResourceRules, union } from './resource-rules.ts'
import { createSimilarNames, formOf } from './similar-names.ts'

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

/** Characters of URIs that are looked at in one body. To match them against templates takes time, and strangers choose how many. */
const MOST_URI_CHARACTERS = 65_536

/** What each URI takes however short it is, in characters. */
const COST_OF_URI = 16

/** What is left of {@link MOST_URI_CHARACTERS}. */
type Budget = { left: number }

const newBudget = (): Budget => ({ left: MOST_URI_CHARACTERS })

export function createAccessTable(declaration: ResourceDeclaration): AccessTable {
  const { scopes, initialScopes = NONE, includes = {}, access = {} } = declaration
  const otherwise = access.otherwise ?? initialScopes
  const tools = new Map(Object.entries(access.tools ?? {}))
  const prompts = new Map(Object.entries(access.prompts ?? {}))
  const methods = new Map(Object.entries(access.methods ?? {}))
  const similarTools = createSimilarNames(tools)
  const similarPrompts = createSimilarNames(prompts)
  const similarMethods = createSimilarNames(methods)
  const resources = createResourceRules(access.resources ?? {}, otherwise)
  const holders = holdersOf(includes)

  const anonymousTools = new Set(access.anonymous?.tools)
  const anonymousMethods = new Set(access.anonymous?.methods)
  const allowsAnonymous = anonymousTools.size + anonymousMethods.size > 0
  if (allowsAnonymous) for (const method of HANDSHAKE) anonymousMethods.add(method)
  // A token must not be able to do less than none.
  for (const tool of anonymousTools) if (!tools.has(tool)) tools.set(tool, NONE)

  function scopesOf(kind: OperationKind, name: string, budget = newBudget()): readonly string[] {
    if (kind !== 'resource') {
      const [rules, similar] = kind === 'tool' ? [tools, similarTools] : [prompts, similarPrompts]
      return rules.get(name) ?? union(otherwise, similar(name))
    }
    budget.left -= name.length + COST_OF_URI
    return budget.left < 0 ? resources.ofAll : resources.scopesOf(name)
  }

  function scopesOfMessage(message: Message | null | undefined, budget: Budget): readonly string[] {
    const method = usualMethod(text(message?.method))
    if (method === '') return NONE
    const target = targetOf(method, message?.params)
    const ofTarget =
      target === undefined
        ? scopesOfSubscriptions(method, message?.params, budget)
        : scopesOf(target.kind, target.name, budget)
    const ofMethod = methods.get(method) ?? similarMethods(method)
    return ofMethod.length === 0 ? ofTarget : union(ofMethod, ofTarget)
  }

  /** From revision 2026-07-28 on, one request subscribes to several resources. */
  function scopesOfSubscriptions(method: string, params: unknown, budget: Budget): readonly string[] {
    if (method !== 'subscriptions/listen') return NONE
    const { resourceSubscriptions: uris } =
      ((params ?? {}) as { notifications?: { resourceSubscriptions?: unknown } }).notifications ?? {}
    if (!Array.isArray(uris)) return NONE
    return [...new Set([...new Set(uris.map(text))].flatMap(uri => scopesOf('resource', uri, budget)))]
  }

  function isAnonymousMessage(message: Message | null | undefined, budget: Budget): boolean {
    const method = message?.method
    if (typeof method !== 'string') return false
    // That a method is open does not open what it is about: suggestions for a prompt, subscriptions to a resource.
    if (anonymousMethods.has(method)) return scopesOfMessage(message, budget).length === 0
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
      if (target.kind === 'resource') return resources.declared(target.name)
      return (target.kind === 'tool' ? tools : prompts).get(target.name)
    },
    requiredScopes(body) {
      const budget = newBudget()
      if (!Array.isArray(body)) return scopesOfMessage(body as Message, budget)
      // A server that takes batches in a batch apart would act on what is in them, however deep.
      const open = [...body]
      for (const each of open) if (Array.isArray(each)) for (const inner of each) open.push(inner)
      return [...new Set(open.flatMap(message => scopesOfMessage(message, budget)))]
    },
    isAnonymous(body) {
      const budget = newBudget()
      if (!Array.isArray(body)) return isAnonymousMessage(body as Message, budget)
      return body.length > 0 && body.every(message => isAnonymousMessage(message, budget))
    },
    covers: (held, needed) =>
      needed.every(scope => held.includes(scope) || holders.get(scope)?.some(holder => held.includes(holder)) === true),
  }
}

/** What a body asks for, for logs: of the first message of a batch. */
export function operationOf(body: unknown): Operation | undefined {
  const message = (Array.isArray(body) ? body[0] : body) as Message | null | undefined
  if (typeof message?.method !== 'string') return undefined
  const name = targetOf(message.method, message.params)?.name
  return { method: brief(message.method), name: name === undefined ? undefined : brief(name) }
}

/** Clients choose names, up to the length of a body. */
const brief = (name: string) => (name.length > 200 ? clip(name) : name)

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

/** Methods whose parameters name what they are about. */
const LOOKED_INTO = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'resources/subscribe',
  'completion/complete',
  'subscriptions/listen',
])

/** A method as servers read it that trim methods, or ignore upper and lower case. Most are spelled as they should be. */
function usualMethod(method: string): string {
  if (LOOKED_INTO.has(method) || method.length > 200) return method
  const form = formOf(method)
  return LOOKED_INTO.has(form) ? form : method
}

/** A name as handlers read it that look it up in an object: there, `["delete_file"]` is `delete_file`. */
function text(value: unknown): string {
  if (typeof value === 'string') return value
  let inner = value
  while (Array.isArray(inner) && inner.length === 1) inner = inner[0]
  return typeof inner === 'string' || typeof inner === 'number' ? String(inner) : ''
}

/** By scope: every scope that includes it, in however many steps. */
function holdersOf(
  includes: Readonly<Partial<Record<string, readonly string[]>>>,
): ReadonlyMap<string, readonly string[]> {
  const holders = new Map<string, string[]>()
  // Scopes may be called like members that every object has.
  const all = new Map(Object.entries(includes))
  for (const holder of all.keys()) {
    const reached = new Set<string>()
    const open = [holder]
    for (let scope = open.pop(); scope !== undefined; scope = open.pop()) {
      for (const included of all.get(scope) ?? []) {
        if (reached.has(included)) continue
        reached.add(included)
        open.push(included)
      }
    }
    for (const scope of reached) holders.set(scope, [...(holders.get(scope) ?? []), holder])
  }
  return holders
}
