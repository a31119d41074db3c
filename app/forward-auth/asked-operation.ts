import type { RequestHead, ResourceDeclaration } from 'idplug'
import { decodedName, NAMED_BY } from '../gateway/operation-headers.ts'

/** Stands for the operation of a request whose body the proxy does not send. No JSON-RPC method is called that. */
const UNKNOWN_METHOD = '*'

const FIRST_REVISION_WITH_HEADERS = '2026-07-28'
/** What they are about stands in the body only. */
const IN_BODY_ONLY = new Set(['completion/complete', 'resources/subscribe', 'subscriptions/listen'])

/**
 * What to ask `Auth.authorize` about a request with a body that nobody sends us.
 *
 * A server that compares the headers `Mcp-Method` and `Mcp-Name` with the body refuses a request where they differ, so there they decide.
 * For every other request the answer is one message for each rule of the declaration: it needs every scope that any operation could need.
 */
export function createUnseenBody(declaration: ResourceDeclaration): (head: RequestHead) => unknown {
  const strictest = everyOperation(declaration)
  return head => (declaration.mcpHeaders === 'compared' && fromHeaders(head)) || strictest
}

function everyOperation({ access = {} }: ResourceDeclaration): readonly object[] {
  const { tools = {}, prompts = {}, resources = {}, methods = {} } = access
  const messages = [
    // The first one names the operation in the log.
    message(UNKNOWN_METHOD),
    // Without a name no rule names it.
    message('tools/call'),
    ...distinct(tools).map(name => message('tools/call', { name })),
    ...distinct(prompts).map(name => message('prompts/get', { name })),
    ...distinct(resources).map(uri => message('resources/read', { uri })),
    ...distinct(methods).map(method => message(method)),
  ]
  return Object.freeze(messages)
}

const message = (method: string, params?: object) => Object.freeze({ method, ...(params && { params }) })

/** Names with different scopes, one for each set of them. */
function distinct(rules: Readonly<Record<string, readonly string[]>>): readonly string[] {
  const names = new Map(Object.entries(rules).map(([name, scopes]) => [JSON.stringify([...scopes].sort()), name]))
  return [...names.values()]
}

/** `undefined`: the headers do not say all of it. */
function fromHeaders(head: RequestHead): object | undefined {
  const revision = only(head, 'mcp-protocol-version')
  const method = only(head, 'mcp-method')
  if (head.method !== 'POST' || revision === undefined || !/^\d{4}-\d\d-\d\d$/.test(revision)) return undefined
  if (revision < FIRST_REVISION_WITH_HEADERS || method === undefined || IN_BODY_ONLY.has(method)) return undefined
  const parameter = NAMED_BY.get(method)
  if (parameter === undefined) return { method }
  const name = only(head, 'mcp-name')
  const value = name && decodedName(name)
  return value ? { method, params: { [parameter]: value } } : undefined
}

/** `node:http` and proxies join several values by commas. */
function only(head: RequestHead, header: string): string | undefined {
  const [value] = head.header(header)
  return value?.includes(',') ? undefined : value
}
