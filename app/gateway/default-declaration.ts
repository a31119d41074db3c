import type { ResourceDeclaration } from 'idplug'
import { isLoopback, parseIpAddress } from 'idplug/internal'

/** What a server without a declaration needs: one scope, for everything that it offers. */
export function defaultDeclaration(name: string): ResourceDeclaration {
  const needed = ['mcp']
  return {
    name,
    scopes: { mcp: `Use ${name} in your name` },
    initialScopes: needed,
    access: {
      methods: {
        'tools/list': needed,
        'resources/list': needed,
        'resources/templates/list': needed,
        'prompts/list': needed,
      },
    },
  }
}

/** What people are told that a server at a URL is called, until somebody gives it a name. */
export function nameOfUrl(text: string): string {
  const { hostname, port, protocol } = new URL(text)
  // The address of a machine says nothing to people.
  const isAddress = isLoopback(hostname) || parseIpAddress(hostname.replace(/^\[|\]$/g, '')) !== undefined
  return isAddress ? `MCP server on port ${port || (protocol === 'https:' ? 443 : 80)}` : hostname
}
