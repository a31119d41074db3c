import { icon, stylesheet as styles } from '../../demo-as/pages/assets.ts'
import { html } from '../../demo-as/pages/html.ts'
import { layout } from '../../demo-as/pages/layout.ts'

export interface LandingPageOptions {
  name: string
  resource: string
  authorizationServers: readonly string[]
}

/** Addresses at which the page expects what it is shown with. */
export const assets = {
  '/style.css': { type: 'text/css', text: styles() },
  '/icon.svg': { type: 'image/svg+xml', text: icon },
} as const

/** The page for a person who opens the server in a browser: what this is, and how to connect to it. */
export function landingPage({ name, resource, authorizationServers }: LandingPageOptions): string {
  const key =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'server'
  return layout(
    name,
    html`<h1>${name}</h1>
<p>This is an MCP server. People do not visit it; their AI applications do, after the person has signed in.</p>

<h2>Connect</h2>
<p>Give your MCP client this address. It finds the sign-in by itself and opens it in your browser.</p>
<pre><code>${resource}</code></pre>
<dl>
<dt>Claude Code</dt>
<dd><pre><code>claude mcp add --transport http ${key} ${resource}</code></pre></dd>
<dt>VS Code, in <code>.vscode/mcp.json</code></dt>
<dd><pre><code>{ "servers": { "${key}": { "type": "http", "url": "${resource}" } } }</code></pre></dd>
<dt>Cursor, in <code>.cursor/mcp.json</code></dt>
<dd><pre><code>{ "mcpServers": { "${key}": { "url": "${resource}" } } }</code></pre></dd>
<dt>MCP Inspector</dt>
<dd><pre><code>npx @modelcontextprotocol/inspector --transport http --server-url ${resource}</code></pre></dd>
</dl>

<h2>Sign-in</h2>
<p>Access tokens are accepted from:</p>
<ul>${authorizationServers.map(issuer => html`<li><code>${issuer}</code></li>`)}</ul>
<p>Clients read the details from <a href="/.well-known/oauth-protected-resource">the resource metadata</a>.</p>

<h2>Status</h2>
<p><a href="/health">Server</a> · <a href="/ready">Sign-in provider</a></p>`,
    { wide: true },
  ).render({ mount: '', branding: {}, stylesheet: '/style.css', picture: '/icon.svg' })
}
