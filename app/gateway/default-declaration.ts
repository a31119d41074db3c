import type { ResourceDeclaration } from 'idplug'

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
