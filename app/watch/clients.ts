// What is known of clients by what they send. Measured: docs/clients.md.

interface KnownClient {
  /** As `idplug doctor` calls it, where it knows the client. */
  readonly name: string
  /** What the product in its User-Agent begins with. */
  readonly agent?: string
  /** Host and path of its metadata document. */
  readonly document?: string
  /** Under which it registers. */
  readonly registersAs?: RegExp
  /** What a person does for the sign-in to begin. */
  readonly start?: string
}

const CLIENTS: readonly KnownClient[] = [
  {
    name: 'Claude Code',
    agent: 'claude-code',
    document: 'claude.ai/oauth/claude-code-client-metadata',
    registersAs: /^Claude Code\b/,
    start: 'type /mcp in Claude Code, choose the server, and choose Authenticate',
  },
  { name: 'Codex', document: 'chatgpt.com/oauth/codex/client.json', registersAs: /^Codex$/ },
  {
    name: 'Copilot CLI',
    document: 'github.com/copilot/cli/client-metadata.json',
    start: 'type /mcp auth in Copilot CLI',
  },
  { name: 'mcp-remote', registersAs: /^MCP CLI Proxy/ },
  { name: 'MCP Inspector', registersAs: /^MCP Inspector/, start: 'press Connect in the Inspector' },
  { name: 'opencode', registersAs: /^OpenCode$/ },
  { name: 'Gemini CLI', registersAs: /^Gemini CLI MCP Client/ },
  {
    name: 'Qwen Code',
    registersAs: /^Qwen Code MCP Client/,
    start: 'type /mcp in Qwen Code and choose Authenticate',
  },
  { name: 'mcporter', registersAs: /^mcporter\b/, start: 'run mcporter auth' },
]

/** Products of User-Agents that say what a client was built with, and not which one it is. */
const RUNTIMES = /^(node|undici|bun|deno|python|httpx|aiohttp|go-http-client|okhttp|java|axios|reqwest|ruby|curl)/

/** The product that a User-Agent begins with, in lower case. */
export function productOf(agent: string | undefined): string | undefined {
  return agent?.split(/[/ ]/)[0]?.toLowerCase() || undefined
}

export const isRuntime = (product: string) => RUNTIMES.test(product)

export function isBrowser(agent: string | undefined): boolean {
  return agent?.startsWith('Mozilla/') === true
}

/** Name of the client that sends this User-Agent, with its version. `undefined` for runtimes and browsers. */
export function nameByAgent(agent: string | undefined): string | undefined {
  const product = productOf(agent)
  if (product === undefined || isRuntime(product) || isBrowser(agent)) return undefined
  const version = /^[^/ ]+\/([\w.-]+)/.exec(agent ?? '')?.[1]
  const name = CLIENTS.find(client => client.agent === product)?.name ?? product
  return version === undefined ? name : `${name} ${version}`
}

/** @param clientId - Of a metadata document. */
export function nameByDocument(clientId: string): string | undefined {
  const url = clientId.startsWith('https://') ? URL.parse(clientId) : null
  if (!url) return undefined
  return CLIENTS.find(({ document }) => document === url.host + url.pathname)?.name ?? url.host
}

export function nameByRegistration(clientName: string): string {
  return CLIENTS.find(({ registersAs }) => registersAs?.test(clientName))?.name ?? clientName
}

/** What its user has to do first, where the client does not begin by itself. @param name - May end in a version. */
export function startOf(name: string): string | undefined {
  return CLIENTS.find(client => name.startsWith(client.name))?.start
}
