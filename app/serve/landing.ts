export interface LandingPageOptions {
  name: string
  resource: string
  authorizationServers: readonly string[]
}

/** The page for a person who opens the server in a browser: what this is, and how to connect to it. */
export function landingPage({ name, resource, authorizationServers }: LandingPageOptions): string {
  const url = escapeHtml(resource)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>${escapeHtml(name)}</h1>
<p class="lead">This is an MCP server. People do not visit it; their AI applications do, after the person has signed in.</p>

<h2>Connect</h2>
<p>Give your MCP client this address. It finds the sign-in by itself and opens it in your browser.</p>
<pre><code>${url}</code></pre>
<dl>
<dt>Claude Code</dt>
<dd><pre><code>claude mcp add --transport http notes ${url}</code></pre></dd>
<dt>VS Code, in <code>.vscode/mcp.json</code></dt>
<dd><pre><code>{ "servers": { "notes": { "type": "http", "url": "${url}" } } }</code></pre></dd>
<dt>Cursor, in <code>.cursor/mcp.json</code></dt>
<dd><pre><code>{ "mcpServers": { "notes": { "url": "${url}" } } }</code></pre></dd>
<dt>MCP Inspector</dt>
<dd><pre><code>npx @modelcontextprotocol/inspector --transport http --server-url ${url}</code></pre></dd>
</dl>

<h2>Sign-in</h2>
<p>Access tokens are accepted from:</p>
<ul>${authorizationServers.map(issuer => `<li><code>${escapeHtml(issuer)}</code></li>`).join('')}</ul>
<p>Clients read the details from <a href="/.well-known/oauth-protected-resource">the resource metadata</a>.</p>

<h2>Status</h2>
<p><a href="/health">Server</a> · <a href="/ready">Sign-in provider</a></p>
</main>
</body>
</html>
`
}

export const stylesheet = `:root { color-scheme: light dark; --text: #1c2024; --muted: #5b6570; --line: #d9dee3; --back: #fff; --code: #f4f6f8; --link: #0b5cad }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8ebee; --muted: #9ba6b0; --line: #333b43; --back: #15181b; --code: #1f2428; --link: #7db8f5 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.6 system-ui, sans-serif }
main { max-width: 42rem; margin: 0 auto; padding: 3rem 1.25rem }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; padding-top: 1.25rem; border-top: 1px solid var(--line) }
.lead { color: var(--muted); font-size: 1.1rem; margin: 0 }
pre { background: var(--code); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: .35rem 0 }
code { font: .9rem/1.5 ui-monospace, monospace }
dl { margin: 1.25rem 0 0 }
dt { font-weight: 600; margin-top: 1rem }
dd { margin: 0 }
a { color: var(--link) }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
`

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
